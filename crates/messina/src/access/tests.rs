//! Access control as a connection sees it.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use messina_mqtt::reason::ReasonCode;
use messina_mqtt::topic::Topic;
use parking_lot::Mutex;

use super::*;
use crate::config::{AccessConfig, AccessLimits, Anonymous, CertificateUser, PasswordForm};
use crate::config::{KeySource, RefusedSubscription, Secret, TokenAlgorithm, TokenKeyConfig};
use crate::runtime::clock::Clock;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const THERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// No limits on rates, and the built-in back-off.
pub(super) fn limits() -> AccessLimits {
    AccessLimits {
        connections_per_address: None,
        publishes_per_second: None,
        bytes_per_second: None,
        failed_logins: 5,
        backoff: Duration::from_secs(1),
        max_backoff: Duration::from_mins(5),
        password_checks: 2,
    }
}

fn config() -> AccessConfig {
    AccessConfig {
        password_form: PasswordForm::Hashed,
        password_file: None,
        acl_file: None,
        deny_by_default: false,
        refused_subscription: RefusedSubscription::NotAuthorized,
        anonymous: Anonymous::Never,
        certificate_user: CertificateUser::Off,
        tokens: Vec::new(),
        limits: limits(),
    }
}

/// A clock that stands until it is told to go on.
#[derive(Debug)]
struct Virtual(Mutex<Instant>);

impl Virtual {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test needs some instant to start from"
    )]
    fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(Instant::now())))
    }

    fn pass(&self, time: Duration) {
        *self.0.lock() += time;
    }
}

impl Clock for Virtual {
    fn now(&self) -> Instant {
        *self.0.lock()
    }

    fn unix_millis(&self) -> i64 {
        1_800_000_000_000
    }
}

fn write(path: &Path, text: &str) {
    let mut file = std::fs::File::create(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// Users `ada` with `hunter2` and keys for SCRAM, and `old` of mosquitto's.
fn with_users(dir: &Path, clock: &Arc<Virtual>) -> (Access, std::path::PathBuf) {
    let path = dir.join("passwords");
    let mosquitto = include_str!("../../../../testdata/access/mosquitto.passwd");
    let old = mosquitto
        .lines()
        .find(|line| line.starts_with("old:"))
        .unwrap();
    let ada = entry_for("ada", b"hunter2", NonZeroU32::new(4096)).unwrap();
    write(&path, &format!("{ada}\n{old}\n"));
    let config = AccessConfig {
        password_file: Some(path.clone()),
        ..config()
    };
    (Access::open(config, clock.clone()).unwrap(), path)
}

fn shown<'a>(user: &'a str, password: &'a str) -> Credentials<'a> {
    Credentials {
        address: THERE,
        certificate: None,
        user_name: Some(user),
        password: Some(password.as_bytes()),
    }
}

const NOTHING: Credentials<'static> = Credentials {
    address: HERE,
    certificate: None,
    user_name: None,
    password: None,
};

#[tokio::test]
async fn a_right_password_is_let_in_and_the_client_cannot_tell_a_wrong_one_from_a_wrong_user() {
    let dir = tempfile::tempdir().unwrap();
    let (access, _) = with_users(dir.path(), &Virtual::new());
    for _ in 0..2 {
        let ada = access.log_in(shown("ada", "hunter2")).await.unwrap();
        assert_eq!(ada, Identity::user("ada", Method::Password));
    }
    let old = access.log_in(shown("old", "battery staple")).await.unwrap();
    assert_eq!(old.user.as_deref(), Some("old"));
    let wrong = access.log_in(shown("ada", "hunter3")).await.unwrap_err();
    let unknown = access.log_in(shown("eve", "hunter2")).await.unwrap_err();
    assert_eq!(
        (wrong, unknown),
        (Refusal::WrongPassword, Refusal::UnknownUser)
    );
    assert_eq!(wrong.reason(), ReasonCode::BadUserNameOrPassword);
    assert_eq!(unknown.reason(), wrong.reason());
    let missing = Credentials {
        password: None,
        ..shown("ada", "")
    };
    assert_eq!(access.log_in(missing).await, Err(Refusal::NoPassword));
    assert_eq!(access.log_in(NOTHING).await, Err(Refusal::Anonymous));
}

#[tokio::test]
async fn guesses_are_refused_unseen_after_some_and_looked_at_again_after_the_wait() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Virtual::new();
    let (access, _) = with_users(dir.path(), &clock);
    for _ in 0..5 {
        let guess = access.log_in(shown("old", "guess")).await;
        assert_eq!(guess, Err(Refusal::WrongPassword));
    }
    // Not even the right one is looked at now, or a guesser would know it.
    let right = access.log_in(shown("old", "battery staple")).await;
    let wait = Duration::from_secs(1);
    assert_eq!(right, Err(Refusal::Backoff { wait }));
    assert_eq!(
        right.unwrap_err().reason(),
        ReasonCode::ConnectionRateExceeded
    );
    let elsewhere = Credentials {
        address: HERE,
        ..shown("old", "battery staple")
    };
    assert!(access.log_in(elsewhere).await.is_ok());
    clock.pass(wait);
    assert!(access.log_in(shown("old", "battery staple")).await.is_ok());
}

#[tokio::test]
async fn guesses_sent_at_once_are_not_all_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    let (access, _) = with_users(dir.path(), &Virtual::new());
    let guesses = (0..100).map(|_| access.log_in(shown("old", "guess")));
    let answers = futures_util::future::join_all(guesses).await;
    let looked_at = answers
        .iter()
        .filter(|answer| **answer == Err(Refusal::WrongPassword));
    assert!((5..=7).contains(&looked_at.count()));
}

#[tokio::test]
async fn anonymous_clients_come_from_where_they_may() {
    for (anonymous, here, there) in [
        (Anonymous::Never, false, false),
        (Anonymous::Loopback, true, false),
        (Anonymous::Always, true, true),
    ] {
        let config = AccessConfig {
            anonymous,
            ..config()
        };
        let access = Access::open(config, Virtual::new()).unwrap();
        assert_eq!(access.log_in(NOTHING).await.is_ok(), here, "{anonymous:?}");
        let far = Credentials {
            address: THERE,
            ..NOTHING
        };
        assert_eq!(access.log_in(far).await.is_ok(), there, "{anonymous:?}");
        let mapped = Credentials {
            address: "::ffff:127.0.0.1".parse().unwrap(),
            ..NOTHING
        };
        assert_eq!(access.log_in(mapped).await.is_ok(), here, "{anonymous:?}");
    }
}

#[tokio::test]
async fn a_name_that_nothing_can_verify_is_no_name() {
    let config = AccessConfig {
        anonymous: Anonymous::Always,
        ..config()
    };
    let access = Access::open(config, Virtual::new()).unwrap();
    let identity = access.log_in(shown("admin", "x")).await.unwrap();
    assert_eq!(identity, Identity::ANONYMOUS);
}

#[tokio::test]
async fn a_wrong_password_does_not_make_anonymous() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("passwords");
    write(&path, &entry_for("ada", b"hunter2", None).unwrap());
    let config = AccessConfig {
        password_file: Some(path),
        anonymous: Anonymous::Always,
        ..config()
    };
    let access = Access::open(config, Virtual::new()).unwrap();
    assert_eq!(access.log_in(NOTHING).await, Ok(Identity::ANONYMOUS));
    assert_eq!(
        access.log_in(shown("ada", "x")).await,
        Err(Refusal::WrongPassword)
    );
    assert_eq!(
        access.log_in(shown("eve", "x")).await,
        Err(Refusal::UnknownUser)
    );
    let method = access.begin(THERE, SCRAM_SHA_256, None, b"n,,n=ada,r=abc");
    assert!(method.is_ok(), "keys are made up for users that have none");
}

#[tokio::test]
async fn a_certificate_names_the_user() {
    let off = Access::open(config(), Virtual::new()).unwrap();
    let access = AccessConfig {
        certificate_user: CertificateUser::CommonName,
        ..config()
    };
    let access = Access::open(access, Virtual::new()).unwrap();
    let with = |name| Credentials {
        certificate: Some(name),
        ..shown("somebody", "else")
    };
    let pump = access.log_in(with("pump-7")).await.unwrap();
    assert_eq!(pump, Identity::user("pump-7", Method::Certificate));
    assert_eq!(access.log_in(with("")).await, Err(Refusal::Certificate));
    assert!(off.log_in(with("pump-7")).await.is_err());
}

#[tokio::test]
async fn a_token_in_the_place_of_the_password_names_the_user() {
    let key = include_str!("../../../../testdata/access/es256.pem");
    let config = AccessConfig {
        tokens: vec![TokenKeyConfig {
            algorithm: TokenAlgorithm::Es256,
            key: KeySource::Inline(Secret::new(key.to_owned())),
            id: None,
            audience: None,
            issuer: None,
        }],
        ..config()
    };
    let access = Access::open(config, Virtual::new()).unwrap();
    let token = include_str!("../../../../testdata/access/es256.jwt").trim();
    let ada = access.log_in(shown("ada", token)).await.unwrap();
    assert_eq!(
        (ada.user.as_deref(), ada.method),
        (Some("ada"), Method::Token)
    );
    let other = access.log_in(shown("grace", token)).await.unwrap_err();
    assert_eq!(other.reason(), ReasonCode::BadUserNameOrPassword);
    assert_eq!(
        access.log_in(shown("ada", "x")).await,
        Err(Refusal::NoPassword)
    );
}

#[test]
fn scram_asks_for_its_method_and_counts_failures() {
    let dir = tempfile::tempdir().unwrap();
    let (access, _) = with_users(dir.path(), &Virtual::new());
    let first = b"n,,n=ada,r=abc";
    let begin = |method, user| access.begin(THERE, method, user, first).map(|_begun| ());
    assert_eq!(begin(SCRAM_SHA_256, Some("ada")), Ok(()));
    assert_eq!(begin(SCRAM_SHA_256, Some("grace")), Err(Refusal::Scram));
    assert_eq!(begin("SCRAM-SHA-1", None), Err(Refusal::Method));
    assert_eq!(
        Refusal::Method.reason(),
        ReasonCode::BadAuthenticationMethod
    );
    for _ in 0..5 {
        let (exchange, answer) = access.begin(THERE, SCRAM_SHA_256, None, first).unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let nonce = answer.split(',').next().unwrap();
        let proof = "A".repeat(43);
        let last = format!("c=biws,{nonce},p={proof}=");
        let result = access.finish(THERE, exchange, last.as_bytes());
        assert_eq!(result.unwrap_err(), Refusal::WrongPassword);
    }
    let refused = access.begin(THERE, SCRAM_SHA_256, None, first).unwrap_err();
    assert!(matches!(refused, Refusal::Backoff { .. }));
}

#[tokio::test]
async fn a_reload_takes_all_files_or_none() {
    let dir = tempfile::tempdir().unwrap();
    let (passwords, acl) = (dir.path().join("passwords"), dir.path().join("acl"));
    write(&passwords, &entry_for("ada", b"one", None).unwrap());
    write(&acl, "user ada\ntopic write a\n");
    let config = AccessConfig {
        password_file: Some(passwords.clone()),
        acl_file: Some(acl.clone()),
        deny_by_default: true,
        ..config()
    };
    let access = Access::open(config, Virtual::new()).unwrap();
    let may = |topic: &str| {
        let identity = Identity::user("ada", Method::Password);
        let client = Client {
            identity: &identity,
            client_id: "c1",
        };
        access.acl().may_write(client, &Topic::new(topic).unwrap())
    };
    assert!(access.log_in(shown("ada", "one")).await.is_ok());
    assert!(may("a") && !may("b"));

    // The passwords are good, the rules are not: both stay as they were.
    write(&passwords, &entry_for("ada", b"two", None).unwrap());
    write(&acl, "user ada\ntopic writ b\n");
    let error = access.reload().unwrap_err().to_string();
    assert!(
        error.contains("acl:2:7") && error.contains("`writ`"),
        "{error}"
    );
    assert_eq!(access.generation(), 0);
    assert!(access.log_in(shown("ada", "one")).await.is_ok());
    assert!(may("a") && !may("b"));

    write(&acl, "user ada\ntopic write b\n");
    access.reload().unwrap();
    assert_eq!(access.generation(), 1);
    assert_eq!(
        access.log_in(shown("ada", "one")).await,
        Err(Refusal::WrongPassword)
    );
    assert!(access.log_in(shown("ada", "two")).await.is_ok());
    assert!(!may("a") && may("b"));

    let identity = Identity::user("ada", Method::Password);
    assert!(access.still_knows(&identity) && access.still_knows(&Identity::ANONYMOUS));
    write(&passwords, &entry_for("grace", b"one", None).unwrap());
    access.reload().unwrap();
    assert!(!access.still_knows(&identity));

    std::fs::remove_file(&acl).unwrap();
    let error = access.reload().unwrap_err();
    assert!(matches!(&error, AccessError::Read { path, .. } if *path == acl));
    assert!(may("b"));
}

#[test]
fn an_address_has_as_many_connections_as_the_configuration_says() {
    let config = AccessConfig {
        limits: AccessLimits {
            connections_per_address: Some(1),
            ..limits()
        },
        ..config()
    };
    let access = Access::open(config, Virtual::new()).unwrap();
    let slot = access.connected(THERE).unwrap();
    assert_eq!(access.connected(THERE).unwrap_err(), Refusal::Connections);
    drop(slot);
    assert!(access.connected(THERE).is_ok());
}

#[test]
fn nothing_that_is_printed_has_a_secret_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let (access, path) = with_users(dir.path(), &Virtual::new());
    let shown = format!("{access:?}");
    let stored = std::fs::read_to_string(path).unwrap();
    for part in stored
        .split(['$', ':', '\n'])
        .filter(|part| part.len() > 15)
    {
        assert!(!shown.contains(part), "{part}");
    }
    assert!(shown.contains("users: Some(2)"), "{shown}");
}

#[test]
fn what_is_weak_is_said() {
    use std::os::unix::fs::PermissionsExt as _;

    let dir = tempfile::tempdir().unwrap();
    let (passwords, acl) = (dir.path().join("passwords"), dir.path().join("acl"));
    write(
        &passwords,
        include_str!("../../../../testdata/access/mosquitto.passwd"),
    );
    write(&acl, "topic #\npattern read news/#\npattern read %u/#\n");
    let set_mode = |mode| {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&passwords, permissions).unwrap();
    };
    let mut config = AccessConfig {
        password_file: Some(passwords.clone()),
        acl_file: Some(acl),
        anonymous: Anonymous::Always,
        tokens: vec![TokenKeyConfig {
            algorithm: TokenAlgorithm::Hs256,
            key: KeySource::Inline(Secret::new("short".to_owned())),
            id: None,
            audience: None,
            issuer: None,
        }],
        ..config()
    };
    let said = |config: &AccessConfig| {
        let problems = crate::config::Problems::new(inspect(config));
        assert!(!problems.has_errors());
        problems.to_string()
    };
    set_mode(0o644);
    let all = said(&config);
    for part in [
        "everybody on this machine may read password hashes",
        "101 iterations is cheap",
        "one round of SHA-512",
        "may publish to every topic",
        "holds for every client",
        "HS256 of 5 bytes",
    ] {
        assert!(all.contains(part), "{part}:\n{all}");
    }
    assert!(!all.contains("osH+lEzK7JafDSA8") && !all.contains("short\""));
    set_mode(0o600);
    config.anonymous = Anonymous::Never;
    let fewer = said(&config);
    assert!(!fewer.contains("everybody on this machine"));
    assert!(!fewer.contains("may publish to every topic"));
}

#[test]
fn check_names_files_that_are_missing_and_keys_that_are_wrong() {
    let config = AccessConfig {
        password_file: Some("/nonexistent/passwords".into()),
        tokens: vec![TokenKeyConfig {
            algorithm: TokenAlgorithm::Rs256,
            key: KeySource::Inline(Secret::new("hunter2".to_owned())),
            id: None,
            audience: None,
            issuer: None,
        }],
        ..config()
    };
    let problems = crate::config::Problems::new(inspect(&config));
    let said = problems.to_string();
    assert!(
        said.contains("`/nonexistent/passwords` is not on this machine"),
        "{said}"
    );
    assert!(
        said.contains("the RS256 key in the configuration cannot be used"),
        "{said}"
    );
    assert!(!said.contains("hunter2"));
}
