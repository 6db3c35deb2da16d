//! `hydroxy docker` beside an engine that does what a test tells it: what is served, when, and what survives which failure.

mod engine;
mod fixture;
mod replica;
mod vhosts;

use std::time::Duration;

use engine::{Engine, Trouble};
use fixture::{Load, Proxy, free_port};
use replica::Replica;

fn replicas(engine: &Engine, numbers: std::ops::RangeInclusive<u8>, port: u16) -> Vec<Replica> {
    numbers
        .map(|number| {
            engine.add(number, port, &[]);
            Replica::new(number, port)
        })
        .collect()
}

#[test]
fn seven_replicas_take_turns() {
    let (engine, port) = (Engine::new("turns"), free_port());
    let _replicas = replicas(&engine, 1..=7, port);
    let proxy = Proxy::start(&engine);
    let mut expected: Vec<String> =
        (1..=7).flat_map(|number| [format!("api-{number}"), format!("api-{number}")]).collect();
    expected.sort();
    assert_eq!(proxy.who(14), expected);
    assert!(proxy.said().iter().any(|line| line.contains("running by docker-compose")), "{:?}", proxy.said());
    let questions = engine.questions();
    let events = questions.iter().find(|question| question.contains("/events")).cloned().unwrap_or_default();
    // The engine sends what matters and nothing else.
    assert!(events.contains("container") && events.contains("start") && events.contains("myproj"), "{events}");
}

#[test]
fn a_replica_that_starts_is_served_and_one_that_is_told_to_end_is_not() {
    let (engine, port) = (Engine::new("scale"), free_port());
    let mut running = replicas(&engine, 1..=2, port);
    let proxy = Proxy::start(&engine);
    proxy.serves(&[1, 2]);
    proxy.wait("the stream of events", |_| engine.streams() == 1);
    running.push(Replica::new(3, port));
    engine.start(3, port, &[]);
    let took = proxy.serves(&[1, 2, 3]);
    assert!(took < Duration::from_millis(2000), "{took:?}");
    let line = "default_service: added myproj_api_3";
    proxy.hears(line);
    assert_eq!(proxy.said().iter().filter(|said| said.contains(line)).count(), 1);
    // It runs on for a while after the signal, and is listed.
    engine.kill(3);
    let took = proxy.hears("removed myproj_api_3");
    assert!(took < Duration::from_millis(900), "{took:?}");
    proxy.serves(&[1, 2]);
    engine.start(4, port, &[]);
    running.push(Replica::new(4, port));
    proxy.serves(&[1, 2, 4]);
    engine.die(3);
    for number in [1, 2, 4] {
        engine.kill(number);
        engine.die(number);
    }
    proxy.wait("nobody", |proxy| proxy.get() == "503" || proxy.get().contains("refused"));
    engine.start(1, port, &[]);
    proxy.serves(&[1]);
}

#[test]
fn counters_and_the_process_survive_a_change() {
    let (engine, port) = (Engine::new("counters"), free_port());
    let _replicas = replicas(&engine, 1..=3, port);
    let proxy = Proxy::start(&engine);
    assert_eq!(proxy.who(6).len(), 6);
    proxy.wait("the stream of events", |_| engine.streams() == 1);
    engine.kill(3);
    proxy.hears("removed myproj_api_3");
    let total = |server: &str| -> u64 {
        let csv = proxy.stats("/;csv");
        let line =
            csv.lines().find(|line| line.starts_with(&format!("default_service,{server},"))).unwrap_or("").to_owned();
        line.split(',').nth(7).and_then(|total| total.parse().ok()).unwrap_or(0)
    };
    assert_eq!((total("myproj_api_1"), total("BACKEND")), (2, 6));
    assert!(proxy.stats("/").contains("Statistics Report"));
}

#[test]
fn scaling_down_fails_no_request() {
    let (engine, port) = (Engine::new("down"), free_port());
    let mut running: Vec<Option<Replica>> = replicas(&engine, 1..=7, port).into_iter().map(Some).collect();
    let proxy = Proxy::start(&engine);
    proxy.serves(&[1, 2, 3, 4, 5, 6, 7]);
    proxy.wait("the stream of events", |_| engine.streams() == 1);
    let load = [Load::start(proxy.http, "GET"), Load::start(proxy.http, "GET"), Load::start(proxy.http, "POST")];
    std::thread::sleep(Duration::from_millis(300));
    for number in 4..=7u8 {
        // The process has its signal before the engine tells.
        running[usize::from(number) - 1] = None;
        engine.kill(number);
        engine.die(number);
    }
    proxy.hears("; 3 servers");
    std::thread::sleep(Duration::from_millis(300));
    for number in 4..=5u8 {
        running[usize::from(number) - 1] = Some(Replica::new(number, port));
        engine.start(number, port, &[]);
    }
    proxy.serves(&[1, 2, 3, 4, 5]);
    for (count, failures) in load.map(Load::stop) {
        assert!(count > 50, "{count}");
        assert_eq!(failures, [] as [String; 0], "of {count}");
    }
}

#[test]
fn a_request_finds_the_one_replica_that_answers() {
    let (engine, port) = (Engine::new("left"), free_port());
    (1..=9).for_each(|number| engine.add(number, port, &[]));
    let _left = Replica::new(9, port);
    let proxy = Proxy::start(&engine);
    assert_eq!(proxy.who(5), ["api-9"; 5]);
}

#[test]
fn an_engine_that_fails_or_goes_changes_nothing_and_is_followed_again() {
    let (mut engine, port) = (Engine::new("trouble"), free_port());
    let mut running = replicas(&engine, 1..=2, port);
    let proxy = Proxy::start(&engine);
    proxy.serves(&[1, 2]);
    let mut number = 2;
    for trouble in [Trouble::Errors, Trouble::Garbage, Trouble::Cut] {
        proxy.wait("the stream of events", |_| engine.streams() == 1);
        engine.trouble(trouble);
        number += 1;
        running.push(Replica::new(number, port));
        engine.start(number, port, &[]);
        std::thread::sleep(Duration::from_millis(1500));
        let all: Vec<u8> = (1..number).collect();
        proxy.serves(&all);
        engine.trouble(Trouble::None);
        proxy.serves(&(1..=number).collect::<Vec<u8>>());
    }
    assert!(proxy.said().iter().any(|line| line.contains("keeping the last good state")));
    // The stream breaks, says something that is no event, or the engine goes altogether; what is missed is found.
    for way in 0..3 {
        proxy.wait("the stream of events", |_| engine.streams() == 1);
        number += 1;
        match way {
            0 => engine.cut_streams(),
            1 => engine.say("{\"Type\": <garbage>\n"),
            _ => engine.down(),
        }
        proxy.serves(&(1..number).collect::<Vec<u8>>());
        running.push(Replica::new(number, port));
        engine.add(number, port, &[]);
        if way == 2 {
            std::thread::sleep(Duration::from_millis(700));
            proxy.serves(&(1..number).collect::<Vec<u8>>());
            engine.up();
        }
        proxy.serves(&(1..=number).collect::<Vec<u8>>());
    }
}

#[test]
fn an_engine_that_is_out_of_order_at_the_start_is_waited_for() {
    let (engine, port) = (Engine::new("late"), free_port());
    let _running = replicas(&engine, 1..=2, port);
    engine.trouble(Trouble::Errors);
    let proxy = Proxy::start(&engine);
    assert!(proxy.said().iter().any(|line| line.contains("using legacy link")), "{:?}", proxy.said());
    engine.trouble(Trouble::None);
    proxy.serves(&[1, 2]);
    assert!(proxy.said().iter().any(|line| line.contains("running by docker-compose")), "{:?}", proxy.said());
}

#[test]
fn a_container_that_goes_between_the_list_and_its_inspection_takes_nobody_with_it() {
    let (engine, port) = (Engine::new("vanish"), free_port());
    let mut running = replicas(&engine, 1..=3, port);
    engine.vanish(2);
    let proxy = Proxy::start(&engine);
    proxy.serves(&[1, 3]);
    proxy.wait("the stream of events", |_| engine.streams() == 1);
    running.push(Replica::new(4, port));
    engine.start(4, port, &[]);
    proxy.serves(&[1, 3, 4]);
}

#[test]
fn slow_answers_do_not_hold_up_a_removal() {
    let (engine, port) = (Engine::new("slow"), free_port());
    let _running = replicas(&engine, 1..=3, port);
    let proxy = Proxy::start(&engine);
    proxy.serves(&[1, 2, 3]);
    proxy.wait("the stream of events", |_| engine.streams() == 1);
    engine.trouble(Trouble::Slow);
    engine.start(4, port, &[]);
    std::thread::sleep(Duration::from_millis(1200));
    engine.kill(2);
    let took = proxy.hears("removed myproj_api_2");
    assert!(took < Duration::from_millis(900), "{took:?}");
    proxy.serves(&[1, 3]);
}

#[test]
fn health_of_containers_is_respected() {
    let (engine, port) = (Engine::new("health"), free_port());
    let _running = replicas(&engine, 1..=3, port);
    let proxy = Proxy::start(&engine);
    proxy.serves(&[1, 2, 3]);
    proxy.wait("the stream of events", |_| engine.streams() == 1);
    engine.tell(2, "health_status: unhealthy", &[]);
    proxy.serves(&[1, 3]);
    engine.tell(2, "health_status: healthy", &[]);
    proxy.serves(&[1, 2, 3]);
    engine.tell(1, "pause", &[]);
    proxy.serves(&[2, 3]);
    engine.tell(1, "unpause", &[]);
    proxy.serves(&[1, 2, 3]);
}

#[test]
fn sigusr1_looks_again_and_sigterm_ends() {
    let (engine, port) = (Engine::new("signals"), free_port());
    let mut running = replicas(&engine, 1..=2, port);
    let mut proxy = Proxy::start(&engine);
    proxy.serves(&[1, 2]);
    running.push(Replica::new(3, port));
    engine.add(3, port, &[]);
    proxy.signal("USR1");
    proxy.hears("User reload");
    proxy.serves(&[1, 2, 3]);
    engine.forget(3);
    proxy.signal("USR1");
    proxy.hears("removed myproj_api_3");
    proxy.serves(&[1, 2]);
    proxy.signal("TERM");
    assert_eq!(proxy.ends(), Some(15));
}

#[test]
fn what_does_not_load_changes_nothing() {
    let (engine, port) = (Engine::new("bad"), free_port());
    let mut running = replicas(&engine, 1..=2, port);
    let proxy = Proxy::start(&engine);
    proxy.serves(&[1, 2]);
    proxy.wait("the stream of events", |_| engine.streams() == 1);
    running.push(Replica::new(3, port));
    engine.start(3, port, &["BALANCE=no-such-algorithm"]);
    proxy.serves(&[1, 2, 3]);
    assert!(proxy.said().iter().any(|line| line.contains("no-such-algorithm")), "{:?}", proxy.said());
}

#[test]
fn tasks_of_a_swarm_are_asked_for_again_and_again() {
    let (engine, port) = (Engine::new("swarm"), free_port());
    let _running: Vec<Replica> = (1..=3).map(|number| Replica::new(number, port)).collect();
    engine.swarm(&[1, 2], port);
    let proxy = Proxy::start_with(&engine, &[("SWARM_MODE_POLLING_INTERVAL", "1")]);
    proxy.serves(&[1, 2]);
    assert!(proxy.said().iter().any(|line| line.contains("SwarmMode")), "{:?}", proxy.said());
    engine.trouble(Trouble::Errors);
    engine.swarm(&[1, 2, 3], port);
    proxy.hears("keeping the last good state");
    proxy.serves(&[1, 2]);
    engine.trouble(Trouble::None);
    proxy.serves(&[1, 2, 3]);
    engine.swarm(&[3], port);
    proxy.serves(&[3]);
}

#[test]
fn without_an_engine_the_variables_of_links_are_read() {
    let (mut engine, port) = (Engine::new("links"), free_port());
    let _running: Vec<Replica> = (1..=2).map(|number| Replica::new(number, port)).collect();
    engine.down();
    let (one, two) = (format!("tcp://127.0.1.1:{port}"), format!("tcp://127.0.1.2:{port}"));
    let links = [(format!("WEB_1_PORT_{port}_TCP"), one), (format!("WEB_2_PORT_{port}_TCP"), two)];
    let env: Vec<(&str, &str)> = links.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let proxy = Proxy::start_with(&engine, &env);
    proxy.serves(&[1, 2]);
    assert!(proxy.said().iter().any(|line| line.contains("using legacy link")), "{:?}", proxy.said());
    proxy.signal("USR1");
    proxy.hears("User reload: HAProxy configuration reloaded");
    proxy.serves(&[1, 2]);
}

#[test]
fn an_engine_that_hangs_does_not_keep_the_start_from_ending() {
    let engine = Engine::new("hangs");
    engine.trouble(Trouble::Slow);
    let mut child = fixture::command(&engine).stdout(std::process::Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(500));
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(143));
}

#[test]
fn docker_cloud_is_no_more() {
    let engine = Engine::new("cloud");
    let names = ["DOCKERCLOUD_CONTAINER_API_URI", "DOCKERCLOUD_SERVICE_API_URI", "DOCKERCLOUD_AUTH"];
    let done = fixture::command(&engine).envs(names.map(|name| (name, "x"))).output().unwrap();
    assert_eq!(done.status.code(), Some(1));
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(text.contains("switched off in 2018"), "{text}");
}

#[test]
fn a_dry_run_prints_the_configuration_and_nothing_else_on_standard_output() {
    let (engine, port) = (Engine::new("dry"), free_port());
    engine.add(1, port, &[]);
    let done = fixture::command(&engine).arg("--dry-run").output().unwrap();
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success());
    assert!(text.starts_with("global\n"), "{text}");
    // As the original wrote it; what runs has addresses.
    assert!(text.contains(&format!("server myproj_api_1 myproj_api_1:{port} check")), "{text}");
    let runs = fixture::command(&engine).args(["--dry-run", "--addresses"]).output().unwrap();
    let text = String::from_utf8_lossy(&runs.stdout).into_owned();
    assert!(text.contains(&format!("server myproj_api_1 127.0.1.1:{port} check")), "{text}");
    assert!(String::from_utf8_lossy(&done.stderr).contains("INFO:haproxy:Haproxy is running by docker-compose"));
}
