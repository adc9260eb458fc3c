//! Where requests go and how they are sent.

use super::{ANY_NUMBER, COUNT, SECONDS};
use crate::options::spec::{Kind, Spec};

const TRAFFIC: Kind = Kind::Number {
    min: 0,
    max: 838_860_800,
};

pub(super) const OPTIONS: &[Spec] = &[
    Spec::new(
        "url",
        Kind::Text,
        "The endpoint, such as https://oss-cn-hangzhou.aliyuncs.com.",
    )
    .or(&["host"])
    .default("https://oss-cn-hangzhou.aliyuncs.com"),
    Spec::new(
        "bucket",
        Kind::Text,
        "The bucket, when it is not the first argument.",
    ),
    Spec::new(
        "region",
        Kind::Text,
        "The bucket's region, such as cn-hangzhou; needed by sigv4.",
    )
    .or(&["endpoint"]),
    Spec::new(
        "sigv1",
        Kind::Flag,
        "Sign with version 1 (the default, as in ossfs).",
    ),
    Spec::new("sigv4", Kind::Flag, "Sign with version 4; needs region."),
    Spec::new(
        "use_path_request_style",
        Kind::Flag,
        "Name the bucket in the path rather than in the host.",
    ),
    Spec::new(
        "no_check_certificate",
        Kind::Flag,
        "Do not check the server's certificate.",
    ),
    Spec::new(
        "connect_timeout",
        SECONDS,
        "Seconds that connecting may take.",
    )
    .default("10"),
    Spec::new(
        "readwrite_timeout",
        SECONDS,
        "Seconds that a request may stand still, with no byte sent or received.",
    )
    .default("60"),
    Spec::new(
        "retries",
        Kind::Number { min: 0, max: 1000 },
        "How often a request that failed is sent again.",
    )
    .default("5"),
    Spec::new(
        "parallel_count",
        COUNT,
        "Parts in flight for one large object, down or up.",
    )
    .default("20"),
    Spec::new(
        "multireq_max",
        COUNT,
        "Metadata requests in flight; at least parallel_count.",
    )
    .or(&["max_multireq"])
    .default("20"),
    Spec::accepted(
        "servicepath",
        Kind::Text,
        "Path before the bucket.",
        "OSS has none",
    ),
    Spec::accepted(
        "cloudbox_id",
        Kind::Text,
        "Sign for a cloud box.",
        "cloud boxes are not served yet",
    ),
    Spec::accepted(
        "ssl_verify_hostname",
        ANY_NUMBER,
        "Whether the certificate must name the host.",
        "it always must, unless no_check_certificate is given",
    ),
    Spec::accepted(
        "cipher_suites",
        Kind::Text,
        "TLS ciphers.",
        "rustls chooses among safe ones alone",
    ),
    Spec::accepted(
        "nodnscache",
        Kind::Flag,
        "Look names up each time.",
        "they are looked up for each connection",
    ),
    Spec::accepted(
        "nosscache",
        Kind::Flag,
        "Do not resume TLS sessions.",
        "connections are kept instead",
    ),
    Spec::accepted(
        "noua",
        Kind::Flag,
        "Send no User-Agent.",
        "OSS keeps it for support; it names no user",
    ),
    Spec::accepted(
        "instance_name",
        Kind::Text,
        "Name in the log.",
        "a log line names the mount point",
    ),
    Spec::new(
        "requester_pays",
        Kind::Flag,
        "Pay for requests to a bucket whose owner does not.",
    ),
    Spec::new(
        "upload_traffic_limit",
        TRAFFIC,
        "Bits per second of each request that sends data, from 819200; 0: no limit.",
    ),
    Spec::new(
        "download_traffic_limit",
        TRAFFIC,
        "Bits per second of each request that fetches data, from 819200; 0: no limit.",
    ),
    Spec::accepted(
        "noxmlns",
        Kind::Flag,
        "Read documents without a namespace.",
        "either form is read",
    ),
];
