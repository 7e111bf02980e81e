//! How many get through the door at once: signing in makes work, and whoever makes much of it gets in nobody else's way.

#[path = "support/staff.rs"]
mod staff;
mod support;

use letterlock::policy::{Actor, Role};
use letterlock::services::{Context, ServiceError, sign_in};
use staff::{PASSWORD, Place};
use support::owner;

/// Whoever sends many sign-ins at once from one address gets in nobody's way at another.
#[tokio::test(flavor = "multi_thread")]
async fn sign_ins_of_one_address_do_not_fill_the_queue_of_all() {
    let place = Place::new().await;
    place.take_up(&place.invite("hanna", &[Role::Hr]).await).await;
    let app = &place.service.app;
    let enter = |login: String, address: [u8; 4]| {
        let app = app.clone();
        let ctx = Context { actor: Actor::Public, ..owner(Role::Admin) };
        tokio::spawn(
            async move { sign_in::enter(&app, &ctx, &login, &PASSWORD.into(), Some(address.into()), None).await },
        )
    };
    let before = sign_in::hashed(app);
    let flood: Vec<_> = (0..100).map(|n| enter(format!("nobody{n}"), [192, 0, 2, 1])).collect();
    // They have all been looked at once the first of them are refused.
    for _ in 0..8 {
        let waits = enter("sue".to_owned(), [192, 0, 2, 1]).await.unwrap();
        assert!(matches!(waits, Err(ServiceError::Later(_))), "no room for more of this address");
    }
    let hanna = enter("hanna".to_owned(), [192, 0, 2, 2]).await.unwrap();
    assert!(hanna.is_ok(), "another address is let in meanwhile: {:?}", hanna.err());
    let mut waits = 0;
    for one in flood {
        waits += u32::from(matches!(one.await.unwrap(), Err(ServiceError::Later(_))));
    }
    let hashed = sign_in::hashed(app) - before;
    println!("of 100 at once, {waits} had to wait, and {hashed} passwords were hashed");
    assert!(waits > 50, "{waits}");
    // What was not looked at does not count as a failed try.
    let sue = enter("sue".to_owned(), [192, 0, 2, 1]).await.unwrap();
    assert!(matches!(sue, Err(ServiceError::Unauthenticated)), "{:?}", sue.err());
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
    // Each from an address of its own: as many as may wait, and more.
    let crowd: Vec<_> = (0..80).map(|n| enter(format!("nobody{n}"), [192, 0, 2, n], None)).collect();
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
