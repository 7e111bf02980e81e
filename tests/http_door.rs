//! How many get through the door at once: signing in makes work, and whoever makes much of it gets in nobody else's way.

#[path = "support/staff.rs"]
mod staff;
mod support;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use letterlock::policy::{Actor, Role};
use letterlock::services::{Context, ServiceError, sign_in};
use staff::{PASSWORD, Place};
use support::owner;

/// Whoever sends many sign-ins at once from one address, or from one network, gets in nobody's way elsewhere.
#[tokio::test(flavor = "multi_thread")]
async fn sign_ins_of_one_address_or_network_do_not_fill_the_queue_of_all() {
    let place = Place::new().await;
    place.take_up(&place.invite("hanna", &[Role::Hr]).await).await;
    let app = &place.service.app;
    let enter = |login: String, address: IpAddr| {
        let app = app.clone();
        let ctx = Context { actor: Actor::Public, ..owner(Role::Admin) };
        tokio::spawn(async move { sign_in::enter(&app, &ctx, &login, &PASSWORD.into(), Some(address), None).await })
    };
    let of_address = |_| IpAddr::from([192, 0, 2, 1]);
    let of_network = |n: u16| IpAddr::from([0x2001, 0xdb8, 1, n, 0, 0, 0, 1]);
    for (what, address) in [("address", &of_address as &dyn Fn(u16) -> IpAddr), ("network", &of_network)] {
        let before = sign_in::hashed(app);
        let flood: Vec<_> = (0..200).map(|n| enter(format!("nobody{n}{what}"), address(n))).collect();
        // They have all been looked at once the first of them are refused.
        for n in 300..308 {
            let waits = enter(format!("sue{n}"), address(n)).await.unwrap();
            assert!(matches!(waits, Err(ServiceError::Later(_))), "no room for more of this {what}");
        }
        let hanna = enter("hanna".to_owned(), [203, 0, 113, 2].into()).await.unwrap();
        assert!(hanna.is_ok(), "another is let in meanwhile: {:?}", hanna.err());
        let mut waits = 0;
        for one in flood {
            waits += u32::from(matches!(one.await.unwrap(), Err(ServiceError::Later(_))));
        }
        let hashed = sign_in::hashed(app) - before;
        println!("of 200 at once from one {what}, {waits} had to wait, and {hashed} passwords were hashed");
        assert!(waits > 50, "{waits}");
        // What was not looked at does not count as a failed try.
        for n in [300, 307] {
            let sue = enter(format!("sue{n}"), address(n)).await.unwrap();
            assert!(matches!(sue, Err(ServiceError::Unauthenticated)), "{:?}", sue.err());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_hashes_a_few_passwords_at_a_time() {
    let place = Place::new().await;
    let invitation = place.invite("hanna", &[Role::Hr]).await;
    let path = format!("/staff/welcome/{invitation}");
    let pairs = [("new-password", PASSWORD), ("again", PASSWORD)];
    let posts = (0..60).map(|_| async { place.service.form(&path, &pairs).send().await.unwrap().status().as_u16() });
    let answers = futures_util::future::join_all(posts).await;
    let later = answers.iter().filter(|status| **status == 429).count();
    println!("of 60 at once, {later} had to wait");
    assert!(later > 0 && answers.iter().all(|status| [200, 429].contains(status)), "{answers:?}");
    place.take_up(&invitation).await;
}

/// Strangers who fill the queue from many networks do not close the door to whoever was invited.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_do_not_fill_the_queue_of_the_invited() {
    let place = Place::new().await;
    let invitation = place.invite("hanna", &[Role::Hr]).await;
    let app = &place.service.app;
    let over = Arc::new(AtomicBool::new(false));
    let crowd: Vec<_> = (0..200)
        .map(|n: u8| {
            let (app, ctx) = (app.clone(), Context { actor: Actor::Public, ..owner(Role::Admin) });
            let over = over.clone();
            tokio::spawn(async move {
                let mut refused = 0;
                for tried in 0..1000 {
                    let (login, password) = (format!("nobody{n}-{tried}"), PASSWORD.into());
                    let entered = sign_in::enter(&app, &ctx, &login, &password, Some([n, 1, 2, 3].into()), None);
                    refused += u32::from(matches!(entered.await, Err(ServiceError::Later(_))));
                    if over.load(Ordering::Relaxed) {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                refused
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let pairs = [("new-password", PASSWORD), ("again", PASSWORD)];
    let answer = place.service.form(&format!("/staff/welcome/{invitation}"), &pairs).send().await.unwrap();
    over.store(true, Ordering::Relaxed);
    assert_eq!(answer.status(), 200, "{:?}", answer.text().await);
    let mut refused = 0;
    for one in crowd {
        refused += one.await.unwrap();
    }
    assert!(refused > 200, "there was no room for {refused} strangers");
}

/// Each try of a browser that is not known counts for its address, before it makes work; so does each invitation that is none.
#[tokio::test]
async fn tries_at_the_door_are_counted_for_their_address() {
    let place = Place::limited(support::free_limits(), 2).await;
    let mut seen = Vec::new();
    for n in 0..3 {
        seen.push(place.try_password(&format!("nobody{n}"), PASSWORD, None).await.status().as_u16());
    }
    assert_eq!((seen, sign_in::hashed(&place.service.app)), (vec![422, 422, 429], 2));
    let place = Place::limited(support::free_limits(), 2).await;
    let mut seen = Vec::new();
    for n in ["A", "B", "C"] {
        seen.push(place.service.get(&format!("/staff/welcome/{}", n.repeat(43)), None).await.status().as_u16());
    }
    assert_eq!(seen, [404, 404, 429]);
}

/// Strangers who wait for their passwords to be looked at do not wait before somebody who was here before.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_here_before_does_not_stand_in_line_with_strangers() {
    let place = Place::new().await;
    let (_, _, hanna) = place.take_up(&place.invite("hanna", &[Role::Hr]).await).await;
    let device = hanna.device.split_once('=').unwrap().1.to_owned();
    let app = &place.service.app;
    let enter = |login: String, address: [u8; 4], device: Option<String>| {
        let app = app.clone();
        let ctx = Context { actor: Actor::Public, ..owner(Role::Admin) };
        tokio::spawn(async move {
            let password = PASSWORD.into();
            sign_in::enter(&app, &ctx, &login, &password, Some(address.into()), device.as_deref()).await
        })
    };
    // Each from a network of its own: as many as may wait, and more.
    let crowd: Vec<_> = (0..80).map(|n| enter(format!("nobody{n}"), [192, n, 2, 1], None)).collect();
    // Those for whom there is no room are told so at once.
    while !crowd.iter().any(|one| one.is_finished()) {
        tokio::task::yield_now().await;
    }
    let before = sign_in::hashed(app);
    let inside = enter("hanna".to_owned(), [203, 0, 113, 1], Some(device)).await.unwrap();
    let (hashed, waiting) = (sign_in::hashed(app) - before, crowd.iter().filter(|one| !one.is_finished()).count());
    println!("{hashed} passwords were begun until hers was looked at, and {waiting} of 80 still waited");
    assert!(inside.is_ok(), "{:?}", inside.err());
    assert!(hashed <= 8 && waiting > 40, "she stood in line: {hashed} were looked at before, {waiting} wait");
    for one in crowd {
        assert!(one.await.unwrap().is_err());
    }
}
