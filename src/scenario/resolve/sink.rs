//! `[sink]`.

use std::net::{Ipv4Addr, SocketAddr};

use crate::scenario::diagnosis::{Problem, Problems};
use crate::scenario::file::{self, At};
use crate::scenario::model::{Engine, SinkSpec};

pub(super) fn sink(written: Option<&At<file::Sink>>, problems: &mut Problems) -> SinkSpec {
    let nothing = file::Sink::default();
    let sink = written.map_or(&nothing, |written| &written.value);
    let engine = sink.engine.as_ref().map_or(file::Engine::Native, |engine| engine.value);
    SinkSpec {
        listen: listen(sink.listen.as_ref(), problems),
        engine: match engine {
            file::Engine::Native => Engine::Native,
            file::Engine::Samotop => Engine::Samotop,
        },
    }
}

fn listen(written: Option<&At<String>>, problems: &mut Problems) -> SocketAddr {
    let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let Some(written) = written else { return any_port };
    written.value.parse().unwrap_or_else(|_| {
        let what = format!("`{}` is not an address and port", written.value);
        problems.push(Problem::new(&written.span, what).help("such as \"127.0.0.1:2526\""));
        any_port
    })
}
