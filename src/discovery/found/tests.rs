//! The linked services of each mode.

use serde_json::{Value, json};

use super::*;
use crate::discovery::docker::DEACTIVATE;
use crate::discovery::mode::Reason;
use crate::discovery::service::Readiness;

/// A container as the engine shows it: in network `n1` with address `10.0.0.NUMBER`.
fn container(name: &str, service: &str, number: u8, more: Value) -> Container {
    let mut shown = json!({
        "Id": format!("id-{name}"),
        "Name": format!("/{name}"),
        "State": {"Running": true},
        "Config": {
            "Env": ["A=b=c", "EMPTY"],
            "ExposedPorts": {"80/tcp": {}},
            "Labels": {"com.docker.compose.project": "p", "com.docker.compose.service": service},
        },
        "HostConfig": {"Links": null, "NetworkMode": "p_default"},
        "NetworkSettings": {"Networks": {"p_default": {"NetworkID": "n1", "IPAddress": format!("10.0.0.{number}"), "Links": null}}},
    });
    merge(&mut shown, more);
    serde_json::from_value(shown).unwrap()
}

fn merge(into: &mut Value, more: Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            for (key, value) in more {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, more) => *into = more,
    }
}

fn linked(links: &[&str]) -> Container {
    container("p-lb-1", "lb", 2, json!({"NetworkSettings": {"Networks": {"p_default": {"Links": links}}}}))
}

fn labelled(labels: Value) -> Value {
    json!({"Config": {"Labels": labels}})
}

/// `key: name name; ...`, and the notes.
fn found(env: &[(&str, &str)], own: &Container, running: &[Container]) -> String {
    let env: Environment = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let found = find(&Mode::decide(&env, Ok(own)), &env, Answers::Containers { own, running });
    let names =
        |service: &Service| -> Vec<String> { service.replicas.iter().map(|replica| replica.name.clone()).collect() };
    let services = found.services.iter().map(|service| format!("{}: {}", service.key, names(service).join(" ")));
    services.chain(found.notes.iter().map(|note| format!("! {note}"))).collect::<Vec<_>>().join("; ")
}

#[test]
fn links_name_services_under_either_naming_and_every_replica_is_found_by_label() {
    let running = [
        container("p_api_1", "api", 3, json!({})),
        container("p-api-2", "api", 4, json!({})),
        container("custom", "my_web", 5, json!({})),
        container("p_db_1", "db", 6, json!({})),
        container("p_api_run_1", "api", 7, labelled(json!({"com.docker.compose.oneoff": "True"}))),
    ];
    for api in ["p_api_1:api", "p-api-1:api", "p-api-2:x"] {
        assert_eq!(found(&[], &linked(&[api]), &running), "p_api: p_api_1 p-api-2", "{api}");
    }
    assert_eq!(
        found(&[], &linked(&["custom:web", "p_api_1:api", "p_api_1:api_1"]), &running),
        "p_my_web: custom; p_api: p_api_1 p-api-2"
    );
    // The linked container may be gone while others of its service run; names may hold separators.
    assert_eq!(found(&[], &linked(&["p_my_web_9:web"]), &running), "p_my_web: custom");
    assert_eq!(found(&[], &linked(&["other_api_1:api", "p_api:x", "p:x", "pq_api_1:x", ""]), &running), "");
}

#[test]
fn without_links_dependencies_and_then_networks_decide() {
    let elsewhere = json!({"NetworkSettings": {"Networks": {"p_default": {"NetworkID": "n2"}}}});
    let running = [
        container("p-lb-2", "lb", 9, json!({})),
        container("p-web-1", "web", 3, json!({})),
        container("p-api-1", "api", 4, json!({})),
        container("p-far-1", "far", 5, elsewhere),
        container("p-off-1", "off", 6, labelled(json!({DEACTIVATE: "True"}))),
        container("q-api-1", "api", 7, labelled(json!({"com.docker.compose.project": "q"}))),
    ];
    assert_eq!(found(&[], &linked(&[]), &running), "p_web: p-web-1; p_api: p-api-1");
    let depends =
        labelled(json!({"com.docker.compose.depends_on": "api:service_started:false,far:service_healthy:true"}));
    let own = container("p-lb-1", "lb", 2, depends);
    assert_eq!(found(&[], &own, &running), "p_api: p-api-1; p_far: p-far-1");
    // Who names services with the variable has said which.
    let env = [("ADDITIONAL_SERVICES", "q:api, p:web , q:none, bad")];
    let expected = "q_api: q-api-1; p_web: p-web-1; ! ADDITIONAL_SERVICES: expected PROJECT:SERVICE, found 'bad'; \
                    ! Cannot find the additional service: q:none";
    assert_eq!(found(&env, &own, &running), expected);
    assert_eq!(found(&env[..1], &linked(&["p-web-1:web"]), &running).matches("p_web").count(), 1);
}

#[test]
fn replicas_have_the_address_of_a_shared_network() {
    let other = json!({"NetworkSettings": {"Networks": {"a_first": {"NetworkID": "n0", "IPAddress": "172.0.0.1"}}}});
    let own = linked(&["p_api_1:api"]);
    let replica = |own: &Container, more: Value| {
        let running = [container("p_api_1", "api", 3, more)];
        let answers = Answers::Containers { own, running: &running };
        find(&Mode::Compose { project: "p".to_owned() }, &Environment::new(), answers)
            .services
            .remove(0)
            .replicas
            .remove(0)
    };
    let found = replica(&own, other.clone());
    assert_eq!(found.address, Some("10.0.0.3".parse().unwrap()));
    assert_eq!(found.env, [("A".to_owned(), "b=c".to_owned()), ("EMPTY".to_owned(), String::new())]);
    let place = |network: Value| json!({"NetworkSettings": {"Networks": {"p_default": network}}});
    let six = replica(&own, place(json!({"IPAddress": "", "GlobalIPv6Address": "fd00::3"})));
    assert_eq!(six.address, Some("fd00::3".parse().unwrap()));
    let waiting = replica(&own, place(json!({"IPAddress": ""})));
    assert_eq!((waiting.address, waiting.reachable), (None, true));
    let far = replica(&own, place(json!({"NetworkID": "n9"})));
    assert_eq!((far.address, far.reachable), (None, false));
    let on_host = container(
        "p-lb-1",
        "lb",
        2,
        json!({
            "HostConfig": {"NetworkMode": "host"},
            "NetworkSettings": {"Networks": {"p_default": {"NetworkID": "n7"}, "host": {"NetworkID": "h", "Links": ["p_api_1:api"]}}},
        }),
    );
    assert_eq!(replica(&on_host, json!({})).address, Some("10.0.0.3".parse().unwrap()));
}

#[test]
fn health_and_ports_are_read() {
    let own = linked(&["p_api_1:api"]);
    let replica = |more: Value| {
        let running = [container("p_api_1", "api", 3, more)];
        let answers = Answers::Containers { own: &own, running: &running };
        find(&Mode::Compose { project: "p".to_owned() }, &Environment::new(), answers)
            .services
            .remove(0)
            .replicas
            .remove(0)
    };
    let health = |status: &str| replica(json!({"State": {"Health": {"Status": status}}})).readiness;
    assert_eq!(
        ["healthy", "none", "starting", "unhealthy"].map(health).map(Readiness::serves),
        [true, true, false, false]
    );
    assert_eq!(replica(json!({"State": {"Paused": true}})).readiness, Readiness::Paused);
    let ports = json!({"Config": {"ExposedPorts": {"53/udp": {}, "81": {}, "0/tcp": {}, "x/tcp": {}, "9/sctp": {}}}});
    let numbers: Vec<u16> = replica(ports).ports.iter().map(|port| port.number).collect();
    assert_eq!(numbers, [53, 80, 81]);
    assert!(replica(json!({"Config": {"ExposedPorts": null}})).ports.is_empty());
}

#[test]
fn the_mode_follows_what_the_engine_says() {
    let env = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), "x".to_owned())).collect::<Environment>();
    let none = env(&[]);
    let own = linked(&[]);
    assert_eq!(Mode::decide(&none, Ok(&own)), Mode::Compose { project: "p".to_owned() });
    let swarm = container("x", "lb", 2, labelled(json!({"com.docker.swarm.service.id": "s1"})));
    assert_eq!(Mode::decide(&none, Ok(&swarm)), Mode::Swarm { service: "s1".to_owned() });
    let bridge = container("x", "lb", 2, json!({"HostConfig": {"Links": ["/a:/b"]}}));
    assert_eq!(Mode::decide(&none, Ok(&bridge)), Mode::Legacy(Reason::DefaultBridge));
    let plain = container("x", "lb", 2, labelled(json!(null)));
    assert_eq!(Mode::decide(&none, Ok(&plain)), Mode::Legacy(Reason::NoProject));
    let cloud = env(&["DOCKERCLOUD_CONTAINER_API_URI", "DOCKERCLOUD_SERVICE_API_URI", "DOCKERCLOUD_AUTH"]);
    assert_eq!(Mode::decide(&cloud, Ok(&own)), Mode::Cloud);
    assert_eq!(find(&Mode::Cloud, &cloud, Answers::None).notes.len(), 1);
    let gone = Reason::NoEngine("no such file".to_owned());
    assert_eq!(Mode::decide(&none, Err(gone.clone())), Mode::Legacy(gone));
}

#[test]
fn tasks_of_a_swarm_are_linked_by_networks() {
    let own = container("lb", "lb", 2, json!({"NetworkSettings": {"Networks": {"ingress": {"NetworkID": "in"}}}}));
    let service =
        |id: &str, name: &str, off: &str| json!({"ID": id, "Spec": {"Name": name, "Labels": {DEACTIVATE: off}}});
    let services = json!([service("s1", "lb", ""), service("s2", "web", "false"), service("s3", "off", "True")]);
    let task = |id: &str, service: &str, network: &str, env: Value| {
        json!({
            "ID": id, "ServiceID": service, "Slot": 3, "Spec": {"ContainerSpec": {"Env": env}},
            "Status": {"State": if id == "t3" { "starting" } else { "running" }},
            "NetworksAttachments": [{"Network": {"ID": "in"}, "Addresses": ["10.255.0.9/16"]},
                                    {"Network": {"ID": network}, "Addresses": ["10.0.9.7/24"]}],
        })
    };
    let tasks = json!([
        task("t1", "s1", "n1", json!(["SERVICE_PORTS=80"])),
        task("t2", "s2", "n1", json!(["SERVICE_PORTS= 80, 8080,x", "BALANCE=source"])),
        task("t3", "s2", "n1", Value::Null),
        task("t4", "s3", "n1", json!(["SERVICE_PORTS=80"])),
        task("t5", "s2", "n2", json!(["SERVICE_PORTS=80"])),
        task("t6", "unknown", "n1", json!(["SERVICE_PORTS=80"])),
    ]);
    let (services, tasks): (Vec<SwarmService>, Vec<SwarmTask>) =
        (serde_json::from_value(services).unwrap(), serde_json::from_value(tasks).unwrap());
    let mode = Mode::Swarm { service: "s1".to_owned() };
    let found = find(&mode, &Environment::new(), Answers::Swarm { own: &own, services: &services, tasks: &tasks });
    assert_eq!(found.services.len(), 1);
    let web = &found.services[0];
    let first = &web.replicas[0];
    assert_eq!((web.key.as_str(), first.name.as_str(), first.host.as_str()), ("web", "web.3.t2", "10.0.9.7"));
    assert_eq!(first.ports.iter().map(|port| port.number).collect::<Vec<_>>(), [80, 8080]);
    assert_eq!((web.replicas.len(), web.replicas[1].readiness), (2, Readiness::Starting));
    let notes: Vec<&str> = found.notes.iter().map(|note| note.text.as_str()).collect();
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(notes[0].contains("found 'x'") && notes[1].contains("does not say its ports"), "{notes:?}");
}

#[test]
fn variables_of_links_are_services() {
    let env = [
        ("WEB_1_PORT_80_TCP", "tcp://172.17.0.5:80"),
        ("WEB_1_PORT_443_TCP", "tcp://172.17.0.5:443"),
        ("WEB_10_PORT_80_TCP", "tcp://172.17.0.7:80"),
        ("WEB_2_PORT_80_TCP", "tcp://172.17.0.6:80"),
        ("WEB_2_PORT_80_TCP_ADDR", "172.17.0.6"),
        ("WEB_PORT", "tcp://172.17.0.5:80"),
        ("MY_DB_PORT_53_UDP", "udp://172.17.0.8:53"),
        ("BAD_PORT_80_TCP", "172.17.0.8"),
        ("_PORT_80_TCP", "tcp://172.17.0.8:80"),
        ("WEB_2_ENV_BALANCE", "source"),
        ("WEB_ENV_COOKIE", "c"),
        ("WEB_1_ENV_BALANCE", ""),
        ("PATH", "/bin"),
    ];
    let env: Environment = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let found = find(&Mode::Legacy(Reason::NoIdentity), &env, Answers::None);
    let keys: Vec<&str> = found.services.iter().map(|service| service.key.as_str()).collect();
    assert_eq!(keys, ["MY_DB", "WEB"]);
    let web = &found.services[1];
    let names: Vec<&str> = web.replicas.iter().map(|replica| replica.name.as_str()).collect();
    assert_eq!(names, ["WEB_1", "WEB_2", "WEB_10"]);
    assert_eq!(web.replicas[0].ports.iter().map(|port| port.number).collect::<Vec<_>>(), [80, 443]);
    let variables: Vec<&str> = web.replicas[0].env.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(variables, ["COOKIE", "BALANCE", "BALANCE"]);
}
