//! The console over HTTPS: invitation, password and code, session and its cookie, what may be tried and how often, posts from
//! elsewhere, and the work of a day: list, open, download, answer, mark.

#[path = "support/staff.rs"]
mod staff;
mod support;

use std::time::Duration;

use letterlock::crypto::password::Cost;
use letterlock::http::{Who, routes};
use letterlock::policy::Role;
use letterlock::services::sign_in;
use serde_json::json;
use staff::{DAY, PASSWORD, Place, Staff, between, code_at, cookie, entries, words};
use support::{document, owner, pdf, text};

#[tokio::test]
async fn from_an_invitation_to_the_work_of_a_day_and_out() {
    let place = Place::new().await;
    let (id, receipt) = place.service.apply("jane@example.org", &pdf(5000, 1)).await;
    place.service.ask_support("sam@example.org").await;
    let invitation = place.invite("hanna", &[Role::Hr]).await;
    let page = place.service.get(&format!("/staff/welcome/{invitation}"), None).await.text().await.unwrap();
    assert!(page.contains("Welcome, hanna"));
    let (secret, codes, _) = place.take_up(&invitation).await;
    assert_eq!(codes.len(), 10);
    let again = place.service.get(&format!("/staff/welcome/{invitation}"), None).await;
    assert_eq!(again.status(), 404, "good once");

    let hanna = place.sign_in("hanna", &secret).await;
    let home = hanna.page("/staff").await;
    assert!(home.contains("form=job-application") && !home.contains("form=support-request"), "{home}");
    let inbox = hanna.page("/staff/inbox?form=job-application").await;
    let record = format!("/staff/record/{id}?purpose=recruitment");
    assert!(inbox.contains(&record) && inbox.contains("Jane Doe"), "{inbox}");
    assert_eq!(hanna.get("/staff/inbox?form=support-request").await.status(), 404);

    let page = hanna.page(&record).await;
    assert!(page.contains("jane@example.org") && page.contains("Yours, Jane"), "{page}");
    let file = hanna.get(&format!("/staff/record/{id}/files/0?purpose=recruitment")).await;
    assert_eq!(file.headers()["content-disposition"].to_str().unwrap().split(';').next(), Some("attachment"));
    assert_eq!(file.bytes().await.unwrap(), pdf(5000, 1));

    let marked = hanna
        .post(&format!("/staff/record/{id}/status"), &[("status", "shortlisted"), ("purpose", "recruitment")])
        .await;
    assert_eq!((marked.status().as_u16(), marked.headers()["location"].to_str().unwrap()), (303, record.as_str()));
    let empty = hanna.post(&format!("/staff/record/{id}/messages"), &[("text", " "), ("purpose", "recruitment")]).await;
    let (status, page) = words(empty).await;
    assert!(status == 422 && page.contains("Please write something."), "{page}");
    let answer = [("text", "Come & see us.\r\nTuesday?"), ("purpose", "recruitment")];
    assert_eq!(hanna.post(&format!("/staff/record/{id}/messages"), &answer).await.status(), 303);
    let page = hanna.page(&record).await;
    assert!(
        page.contains("Shortlisted") && page.contains("Come &#38; see us.") && page.contains("hanna (HR)"),
        "{page}"
    );
    let mine = place.service.json("POST", "/api/v1/my", None, &json!({ "receipt": receipt })).await;
    let (_, mine) = document(mine).await;
    assert_eq!(mine["messages"][0]["text"], "Come & see us.\nTuesday?");

    // Each of these is in the trail, under the name.
    let auditor = place.service.token(&[Role::Auditor]).await;
    let (_, trail) = document(place.service.get("/api/v1/audit?limit=200", Some(&auditor)).await).await;
    let done: Vec<String> = trail["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|e| e["actor"].to_string().contains("hanna"))
        .map(|e| text(&e["action"]))
        .collect();
    for action in ["sign-in", "list-submissions", "read-submission", "read-file", "set-status", "write-message"] {
        assert!(done.iter().any(|one| one == action) || action == "list-submissions", "{action} in {done:?}");
    }
    assert!(!trail.to_string().contains("jane@example.org"));

    let out = hanna.post("/staff/sign-out", &[]).await;
    assert!(out.headers().get_all("set-cookie").iter().any(|c| c.to_str().unwrap().starts_with("__Host-staff=; ")));
    assert!(!hanna.is_in().await);
}

#[tokio::test]
async fn whatever_is_wrong_gets_the_same_answer() {
    let place = Place::new().await;
    let (_, _, _) = place.take_up(&place.invite("hanna", &[Role::Hr]).await).await;
    place.take_up(&place.invite("gone", &[Role::Hr]).await).await;
    letterlock::services::staff::disable(&place.service.app, &owner(Role::Admin), "gone").await.unwrap();
    place.invite("waiting", &[Role::Hr]).await;
    place.service.token(&[Role::Hr]).await;
    let (mut answers, mut work) = (Vec::new(), Vec::new());
    for (login, password) in [
        ("hanna", "wrong"),
        ("nobody", PASSWORD),
        ("gone", PASSWORD),
        ("waiting", PASSWORD),
        ("hanna", ""),
        ("", PASSWORD),
        ("HANNA", PASSWORD),
        ("hanna\u{0}", PASSWORD),
        ("hanna' OR '1'='1", PASSWORD),
    ] {
        let before = (sign_in::hashed(&place.service.app), entries(&place).await);
        let answer = place.try_password(login, password, None).await;
        // Asking for the head is an entry as well.
        work.push((sign_in::hashed(&place.service.app) - before.0, entries(&place).await - before.1 - 1));
        assert!(answer.headers().get("set-cookie").is_none(), "{login}");
        let (status, page) = words(answer).await;
        let typed = between(&page, "name=\"login\" value=\"", "\"");
        answers.push((status, page.replace(&format!("value=\"{typed}\""), "")));
    }
    assert_eq!(answers[0].0, 422);
    assert!(answers[0].1.contains("do not fit together"));
    for answer in &answers {
        assert_eq!(answer, &answers[0]);
    }
    // One password hashed and one entry written for each, whether or not there is such an account.
    assert!(work.iter().all(|each| *each == (1, 1)), "{work:?}");
}

#[tokio::test]
async fn the_password_alone_opens_nothing_and_a_code_counts_once() {
    let place = Place::new().await;
    let (secret, codes, _) = place.take_up(&place.invite("hanna", &[Role::Hr]).await).await;
    place.later(60);
    let half = cookie(&place.try_password("hanna", PASSWORD, None).await, "__Host-staff");
    let at = Staff { place: &place, cookie: half.clone(), device: String::new() };
    for path in ["/staff", "/staff/inbox", "/staff/account"] {
        let answer = at.get(path).await;
        assert_eq!((answer.status().as_u16(), answer.headers()["location"].to_str().unwrap()), (303, "/staff/sign-in"));
    }
    let code = place.code(&secret);
    let good = place.try_code(&half, &code).await;
    assert_eq!(good.status(), 303);
    assert!(!at.is_in().await, "the token from before the code is worth nothing");
    // Nor does a code count a second time, with or without blanks.
    let half = cookie(&place.try_password("hanna", PASSWORD, None).await, "__Host-staff");
    for again in [code.clone(), format!("{} {}", &code[..3], &code[3..]), format!(" {code} ")] {
        assert_eq!(place.try_code(&half, &again).await.status(), 422, "{again:?}");
    }
    assert_eq!(place.try_code(&half, "000000").await.status(), 422);
    assert_eq!(place.try_code(&half, "").await.status(), 422);
    // Five wrong ones: from the beginning, even with a good one.
    place.later(60);
    let (_, page) = words(place.try_code(&half, &place.code(&secret)).await).await;
    assert!(page.contains("too much was wrong"), "{page}");
    // A recovery code counts once, and leads to where new ones are made.
    let half = cookie(&place.try_password("hanna", PASSWORD, None).await, "__Host-staff");
    let by_recovery = place.try_code(&half, &codes[0].to_uppercase()).await;
    assert_eq!(by_recovery.headers()["location"], "/staff/account");
    let half = cookie(&place.try_password("hanna", PASSWORD, None).await, "__Host-staff");
    assert_eq!(place.try_code(&half, &codes[0]).await.status(), 422);
    // And not after five minutes.
    let half = cookie(&place.try_password("hanna", PASSWORD, None).await, "__Host-staff");
    place.later(301);
    assert_eq!(place.try_code(&half, &place.code(&secret)).await.status(), 422);
    let token = half.split_once('=').unwrap().1;
    assert!(sign_in::waits(&place.service.app, token).is_none());
}

#[tokio::test]
async fn whoever_has_the_password_cannot_guess_codes_for_long() {
    let place = Place::new().await;
    let (secret, codes, _) = place.take_up(&place.invite("hanna", &[Role::Hr]).await).await;
    place.later(60);
    let mut answers = Vec::new();
    for _ in 0..3 {
        let half = cookie(&place.try_password("hanna", PASSWORD, None).await, "__Host-staff");
        for _ in 0..5 {
            answers.push(place.try_code(&half, "000000").await.status().as_u16());
        }
    }
    // Ten wrong ones, another that begins the wait, and then none is looked at.
    assert_eq!(answers, [[422; 11].as_slice(), &[429; 4]].concat());
    let half = cookie(&place.try_password("hanna", PASSWORD, None).await, "__Host-staff");
    assert_eq!(place.try_code(&half, &place.code(&secret)).await.status(), 429, "nor the right one");
    assert_eq!(place.try_code(&half, &codes[0]).await.status(), 303, "a recovery code is too long to be guessed");
    // Complete: nothing is held against her any more.
    for _ in 0..4 {
        assert_eq!(place.try_password("hanna", "wrong", None).await.status(), 422);
    }
}

#[tokio::test]
async fn a_password_is_hashed_anew_when_the_cost_has_changed() {
    let mut place = Place::new().await;
    let (secret, _, _) = place.take_up(&place.invite("hanna", &[Role::Hr]).await).await;
    place.service.stop().await;
    let Place { service, clock } = place;
    let dir = service.dir.clone();
    drop(service);
    let app = support::open_at(dir.path(), clock.clone());
    app.set_password_cost(Cost::new(20, 2).unwrap());
    clock.advance(Duration::from_secs(60));
    let ctx = letterlock::services::Context { actor: letterlock::policy::Actor::Public, ..owner(Role::Admin) };
    for hashed in [2, 1] {
        let before = sign_in::hashed(&app);
        let half = sign_in::enter(&app, &ctx, "hanna", &PASSWORD.into(), None, None).await.unwrap();
        assert_eq!(sign_in::hashed(&app) - before, hashed);
        let code = code_at(&*clock, &secret).as_str().into();
        sign_in::enter_code(&app, &ctx, half.expose(), &code).await.unwrap();
        clock.advance(Duration::from_secs(60));
    }
    app.close().await;
}

#[tokio::test]
async fn what_is_tried_too_often_has_to_wait_and_the_known_browser_does_not() {
    let place = Place::new().await;
    let (secret, _, _) = place.take_up(&place.invite("hanna", &[Role::Hr]).await).await;
    let known = place.sign_in("hanna", &secret).await.device;
    for _ in 0..4 {
        assert_eq!(place.try_password("hanna", "wrong", None).await.status(), 422);
    }
    let waiting = place.try_password("hanna", PASSWORD, None).await;
    assert_eq!((waiting.status().as_u16(), waiting.headers()["retry-after"].to_str().unwrap()), (429, "1"));
    assert_eq!(place.try_password("nobody", "wrong", None).await.status(), 422, "another login");
    assert_eq!(place.try_password("hanna", PASSWORD, Some(&known)).await.status(), 303, "its own browser");
    let forged = format!("__Host-device={}", "A".repeat(43));
    assert_eq!(place.try_password("hanna", PASSWORD, Some(&forged)).await.status(), 429);
    place.later(2);
    assert_eq!(place.try_password("hanna", PASSWORD, None).await.status(), 303, "never for good");
    // An unknown login is kept waiting in the same way.
    for _ in 0..3 {
        place.try_password("nobody", "wrong", None).await;
    }
    assert_eq!(place.try_password("nobody", "wrong", None).await.status(), 429);
}

#[tokio::test]
async fn sessions_end_by_time_by_hand_and_by_a_change_of_password() {
    let place = Place::new().await;
    let (secret, _, first) = place.take_up(&place.invite("hanna", &[Role::Hr]).await).await;
    let second = place.sign_in("hanna", &secret).await;
    assert!(first.is_in().await && second.is_in().await);
    // Listed, and ended one by one.
    let page = second.page("/staff/account").await;
    let id = between(&page, "/staff/account/sessions/", "/end");
    assert_eq!(second.post(&format!("/staff/account/sessions/{id}/end"), &[]).await.status(), 303);
    assert!(!first.is_in().await && second.is_in().await);
    // By time.
    place.later(3599);
    assert!(second.is_in().await);
    place.later(3601);
    assert!(!second.is_in().await);
    // By a change of password, for which the present one is needed.
    let [a, b] = [place.sign_in("hanna", &secret).await, place.sign_in("hanna", &secret).await];
    let new = "four green hats dancing";
    let wrong =
        a.post("/staff/account/password", &[("password", "wrong"), ("new-password", new), ("again", new)]).await;
    let (status, page) = words(wrong).await;
    assert!(status == 422 && page.contains("This is not your password."), "{page}");
    let common = a
        .post(
            "/staff/account/password",
            &[("password", PASSWORD), ("new-password", "password1234"), ("again", "password1234")],
        )
        .await;
    assert!(words(common).await.1.contains("would find this one quickly"));
    assert!(a.is_in().await && b.is_in().await);
    let done =
        a.post("/staff/account/password", &[("password", PASSWORD), ("new-password", new), ("again", new)]).await;
    assert_eq!(done.status(), 200);
    assert!(!a.is_in().await && !b.is_in().await);
    assert_eq!(place.try_password("hanna", PASSWORD, None).await.status(), 422);
    assert_eq!(place.try_password("hanna", new, None).await.status(), 303);
}

#[tokio::test]
async fn a_disabled_account_and_one_that_begins_anew_are_out_at_once() {
    let place = Place::new().await;
    let (secret, codes, hanna) = place.take_up(&place.invite("hanna", &[Role::Hr]).await).await;
    let twice = sign_in::invite(&place.service.app, &owner(Role::Admin), "hanna", &[Role::Privacy], None, DAY).await;
    assert!(twice.is_err(), "an invitation does not get around a password");
    let anew = sign_in::recover(&place.service.app, &owner(Role::Admin), "hanna", DAY).await.unwrap();
    assert!(!hanna.is_in().await);
    assert_eq!(place.try_password("hanna", PASSWORD, None).await.status(), 422);
    let (other, _, hanna) = place.take_up(anew.token.expose()).await;
    assert_ne!(secret, other);
    assert!(hanna.is_in().await && hanna.page("/staff").await.contains("job-application"), "the roles stay");
    place.later(60);
    let half = cookie(&place.try_password("hanna", PASSWORD, None).await, "__Host-staff");
    assert_eq!(place.try_code(&half, &place.code(&secret)).await.status(), 422, "the old program");
    assert_eq!(place.try_code(&half, &codes[5]).await.status(), 422, "an old recovery code");
    letterlock::services::staff::disable(&place.service.app, &owner(Role::Admin), "hanna").await.unwrap();
    assert!(!hanna.is_in().await);
    assert!(sign_in::recover(&place.service.app, &owner(Role::Admin), "hanna", DAY).await.is_err());
}

#[tokio::test]
async fn invitations_end_and_passwords_have_to_be_good() {
    let place = Place::new().await;
    let token = place.invite("hanna", &[Role::Hr]).await;
    let path = format!("/staff/welcome/{token}");
    for (password, again, why) in [
        ("short", "short", "at least 12 characters"),
        ("password1234", "password1234", "find this one quickly"),
        ("hanna hanna 1", "hanna hanna 1", "too much like your login"),
        (PASSWORD, "purple otter eats soup", "not the same"),
    ] {
        let (status, page) =
            words(place.service.form(&path, &[("new-password", password), ("again", again)]).send().await.unwrap())
                .await;
        assert!(status == 422 && page.contains(why), "{password}: {page}");
    }
    // A code without a password.
    assert_eq!(place.service.form(&format!("{path}/code"), &[("code", "123456")]).send().await.unwrap().status(), 404);
    // A wrong code shows the same secret again, and nothing is set yet.
    let good = [("new-password", PASSWORD), ("again", PASSWORD)];
    let page = place.service.form(&path, &good).send().await.unwrap().text().await.unwrap();
    let secret = between(&page, "class=\"code big\">", "<");
    let (status, page) =
        words(place.service.form(&format!("{path}/code"), &[("code", "000000")]).send().await.unwrap()).await;
    assert!(status == 422 && page.contains(&secret));
    assert_eq!(place.try_password("hanna", PASSWORD, None).await.status(), 422);
    // A newer invitation makes the older one worthless, and each ends.
    let newer = place.invite("hanna", &[Role::Support]).await;
    assert_eq!(place.service.get(&path, None).await.status(), 404);
    place.later(DAY.as_secs());
    assert_eq!(place.service.get(&format!("/staff/welcome/{newer}"), None).await.status(), 404);
    for bad in ["x", "A", &"a".repeat(43), &"a".repeat(44)] {
        assert_eq!(place.service.get(&format!("/staff/welcome/{bad}"), None).await.status(), 404, "{bad}");
    }
}

#[tokio::test]
async fn posts_from_elsewhere_and_without_the_guard_are_refused() {
    let place = Place::new().await;
    let (id, _) = place.service.apply("jane@example.org", &pdf(2000, 1)).await;
    let (_, _, hanna) = place.take_up(&place.invite("hanna", &[Role::Hr]).await).await;
    let guard = hanna.guard().await;
    let posts = routes().iter().filter(|route| route.who.is_signed_in() && route.method == "POST");
    for route in posts {
        let path = route.path.replace("{id}", &id).replace("{n}", "0").replace("{pass}", &id);
        let post = |guard: &str| {
            place
                .service
                .form(&path, &[("_guard", guard), ("status", "rejected"), ("text", "x")])
                .header("cookie", &hanna.cookie)
        };
        for site in ["cross-site", "same-site"] {
            let sent = post(&guard).header("sec-fetch-site", site).send().await.unwrap();
            assert_eq!(sent.status(), 403, "{path} from {site}");
        }
        let sent = post(&guard).header("origin", "https://evil.example").send().await.unwrap();
        assert_eq!(sent.status(), 403, "{path} by an older browser");
        for wrong in ["", "x", &"a".repeat(26)] {
            let sent = post(wrong).header("sec-fetch-site", "same-origin").send().await.unwrap();
            assert_eq!(sent.status(), 403, "{path} with the guard {wrong:?}");
        }
    }
    assert!(hanna.is_in().await, "not signed out from elsewhere either");
    let page = hanna.page(&format!("/staff/record/{id}?purpose=recruitment")).await;
    assert!(page.contains("<strong>Received</strong>") && page.contains("Nothing was written yet."), "{page}");
    // Somebody else's guard is worth nothing here.
    let (_, _, other) = place.take_up(&place.invite("henry", &[Role::Hr]).await).await;
    let foreign = other.guard().await;
    let sent = hanna.send(place.service.form("/staff/sign-out", &[("_guard", &foreign)])).await;
    assert_eq!(sent.status(), 403);
}

#[tokio::test]
async fn a_shared_computer_is_cleared_from_the_account_and_from_outside() {
    let place = Place::new().await;
    let (secret, _, first) = place.take_up(&place.invite("hanna", &[Role::Hr]).await).await;
    let second = place.sign_in("hanna", &secret).await;
    let third = place.sign_in("hanna", &secret).await;
    assert!(first.page("/staff/account").await.contains("action=\"/clear\""));
    // As browsers send them.
    let both = |staff: &Staff<'_>| Staff {
        place: &place,
        cookie: format!("{}; {}", staff.cookie, staff.device),
        device: staff.device.clone(),
    };
    // No other site has it done.
    let elsewhere = place.service.form("/clear", &[]).header("cookie", &first.cookie);
    let elsewhere = elsewhere.header("sec-fetch-site", "cross-site").send().await.unwrap();
    assert!(elsewhere.status() == 403 && elsewhere.headers().get("clear-site-data").is_none());
    assert!(first.is_in().await);
    let inside = both(&first).send(place.service.form("/clear", &[])).await;
    let outside = both(&second).send(place.service.form("/clear", &[])).await;
    for answer in [&inside, &outside] {
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["clear-site-data"], "\"cache\", \"storage\"");
        let ended = answer.headers().get_all("set-cookie").iter().map(|one| one.to_str().unwrap().to_owned());
        let ended: Vec<String> = ended.filter(|one| one.ends_with("; Max-Age=0")).collect();
        for name in ["__Host-my=;", "__Host-staff=;", "__Host-device=;", "__Host-provider=;"] {
            assert!(ended.iter().any(|one| one.starts_with(name)), "{name} {ended:?}");
        }
    }
    let staffs = "Your sessions in other browsers: end them under your account.";
    assert!(inside.text().await.unwrap().contains(staffs));
    let auditor = place.service.token(&[Role::Auditor]).await;
    let (_, trail) = document(place.service.get("/api/v1/audit?limit=200", Some(&auditor)).await).await;
    let out =
        trail["items"].as_array().unwrap().iter().filter(|entry| entry["detail"].to_string().contains("signed out"));
    assert_eq!(out.count(), 2, "both ways out are in the trail");
    assert!(!first.is_in().await && !second.is_in().await, "over, cookie or not");
    // Whoever copied the cookie by which the browser was known is a stranger with it.
    let known = |staff: &Staff<'_>| {
        let device = staff.device.split_once('=').unwrap().1.to_owned();
        sign_in::knows(&place.service.app, "hanna", Some(&device))
    };
    assert_eq!([known(&first), known(&second), known(&third)], [false, false, true]);
    assert!(third.is_in().await, "another browser stays");
    // Where the session has ended by itself, the browser forgets all the same.
    let again = first.send(place.service.form("/clear", &[])).await;
    assert_eq!(
        (again.status().as_u16(), &again.headers()["clear-site-data"]),
        (200, &"\"cache\", \"storage\"".parse().unwrap())
    );
    assert!(
        again.headers().get_all("set-cookie").iter().any(|one| one.to_str().unwrap().starts_with("__Host-device=;"))
    );
    assert!(again.text().await.unwrap().contains(staffs));
    for (site, drops) in [("same-origin", true), ("same-site", false), ("cross-site", false)] {
        let style = place.service.request("GET", "/static/behind.css").header("sec-fetch-site", site);
        assert_eq!(style.send().await.unwrap().headers().contains_key("clear-site-data"), drops, "{site}");
    }
}

/// Nobody is signed in to somebody else's account by another site.
#[tokio::test]
async fn another_site_signs_nobody_in() {
    let place = Place::new().await;
    let token = place.invite("hanna", &[Role::Hr]).await;
    let posts = routes().iter().filter(|route| route.path.starts_with("/staff/") && route.method == "POST");
    let posts: Vec<_> = posts.filter(|route| route.who == Who::Public).collect();
    assert_eq!(posts.len(), 11);
    for route in posts {
        let path = route.path.replace("{token}", &token);
        let post = || place.service.form(&path, &[("new-password", PASSWORD), ("again", PASSWORD)]);
        for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
            assert_eq!(post().header(name, value).send().await.unwrap().status(), 403, "{path} with {name}");
        }
    }
}

#[tokio::test]
async fn what_a_role_must_not_see_is_not_there() {
    let place = Place::new().await;
    let (id, _) = place.service.apply("jane@example.org", &pdf(2000, 1)).await;
    for (login, roles) in [("sue", &[Role::Support][..]), ("ada", &[Role::Admin]), ("otto", &[Role::Auditor])] {
        let (_, _, staff) = place.take_up(&place.invite(login, roles).await).await;
        for path in [
            format!("/staff/record/{id}"),
            format!("/staff/record/{id}?purpose=recruitment"),
            format!("/staff/record/{id}/files/0?purpose=recruitment"),
            "/staff/inbox?form=job-application".to_owned(),
        ] {
            assert_eq!(staff.get(&path).await.status(), 404, "{login}: {path}");
        }
        let marked = staff.post(&format!("/staff/record/{id}/status"), &[("status", "rejected")]).await;
        assert_eq!(marked.status(), 404, "{login}");
        let answered = staff.post(&format!("/staff/record/{id}/messages"), &[("text", "x")]).await;
        assert_eq!(answered.status(), 404, "{login}");
    }
    // A bearer token is no session, and a session no token.
    let token = place.service.token(&[Role::Hr]).await;
    assert_eq!(place.service.get("/staff", Some(&token)).await.status(), 303);
    let (_, _, hanna) = place.take_up(&place.invite("hanna", &[Role::Hr]).await).await;
    assert_eq!(hanna.get("/api/v1/submissions").await.status(), 401);
    // A purpose that the form does not name is asked for again.
    let page = hanna.page(&format!("/staff/record/{id}?purpose=curiosity")).await;
    assert!(!page.contains("jane@example.org") || page.contains("Opened for: Recruitment"), "{page}");
}

#[tokio::test]
async fn what_people_typed_is_text_in_the_console() {
    let place = Place::new().await;
    let hostile = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";
    let body = json!({ "fields": { "name": hostile, "email": "sam@example.org", "subject-line": hostile, "message": hostile } });
    let sent = place.service.json("POST", "/api/v1/forms/support-request/submissions", None, &body).await;
    let (status, body) = document(sent).await;
    assert_eq!(status, 201, "{body}");
    let (_, _, sue) = place.take_up(&place.invite("sue", &[Role::Support]).await).await;
    for path in [
        "/staff/inbox?form=support-request".to_owned(),
        format!("/staff/record/{}?purpose=support", text(&body["submission"])),
    ] {
        let page = sue.page(&path).await;
        assert!(page.contains("&#60;script&#62;") || page.contains("&lt;script&gt;"), "{path}: {page}");
        assert!(!page.contains("<script") && !page.contains("<img"), "{path}");
    }
}

#[tokio::test]
async fn passwords_survive_a_restart_and_sessions_do_not() {
    let mut place = Place::new().await;
    let (secret, _, hanna) = place.take_up(&place.invite("hanna", &[Role::Hr]).await).await;
    let session = hanna.cookie.split_once('=').unwrap().1.to_owned();
    let open = place.invite("later", &[Role::Support]).await;
    place.service.stop().await;
    let Place { service, clock } = place;
    let dir = service.dir.clone();
    drop(service);
    let app = support::open_at(dir.path(), clock.clone());
    assert!(sign_in::find(&app, &session).is_none());
    assert_eq!(sign_in::look(&app, &open).unwrap(), "later");
    app.set_password_cost(Cost::FLOOR);
    clock.advance(Duration::from_secs(60));
    let ctx = letterlock::services::Context { actor: letterlock::policy::Actor::Public, ..owner(Role::Admin) };
    let half = sign_in::enter(&app, &ctx, "hanna", &PASSWORD.into(), None, None).await.unwrap();
    let code = code_at(&*clock, &secret).as_str().into();
    let complete = sign_in::enter_code(&app, &ctx, half.expose(), &code).await.unwrap();
    assert_eq!(sign_in::find(&app, complete.token.expose()).unwrap().login, "hanna");
    app.close().await;
}
