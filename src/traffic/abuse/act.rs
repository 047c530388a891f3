//! What each kind of bad client does, once. The answer is what the target made of it.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::timeout;

use super::talk::Talk;
use crate::ledger::event::AbuseEnd;
use crate::scenario::model::AbuseKind;
use crate::smtp::stage::Stage;

/// What a lying client declares.
const DECLARED: &str = "MAIL FROM:<abuse@bounce.mailbench.test> SIZE=1000\r\n";

/// Content is written in pieces of this many bytes, and an answer listened for in between.
const PIECE: usize = 16 * 1024;

/// How long a client that is to be cut off listens for it.
const LISTEN: Duration = Duration::from_millis(200);

/// The stages of a dialogue up to the content, in order.
const STAGES: [Stage; 7] = [
    Stage::Connect,
    Stage::Banner,
    Stage::Ehlo,
    Stage::MailFrom,
    Stage::RcptTo,
    Stage::Data,
    Stage::Content,
];

/// Plays one client to its end.
pub(super) async fn play(
    kind: AbuseKind,
    address: SocketAddr,
    ordinal: u64,
    talk: &mut Talk,
) -> AbuseEnd {
    if let Err(end) = talk.connect(address).await {
        return end;
    }
    let played = match kind {
        AbuseKind::Slowloris { interval } => slowly(talk, interval).await,
        AbuseKind::Idle => idly(talk).await,
        AbuseKind::EarlyTalker => early(talk).await,
        AbuseKind::UnauthorisedPipelining => all_at_once(talk).await,
        AbuseKind::Disconnect { stage } => leave(talk, stage, ordinal).await,
        AbuseKind::OversizedLine { bytes } => without_measure(talk, bytes).await,
        AbuseKind::LyingSize { bytes } => lying(talk, bytes).await,
    };
    match played {
        Ok(()) => AbuseEnd::Tolerated,
        Err(end) => end,
    }
}

async fn greet(talk: &mut Talk) -> Result<(), AbuseEnd> {
    talk.stage = Stage::Banner;
    talk.expect_positive_reply().await?;
    talk.step(Stage::Ehlo).await
}

/// Byte by byte; replies are read as they come, and only a goodbye is heeded.
async fn slowly(talk: &mut Talk, interval: Duration) -> Result<(), AbuseEnd> {
    for stage in STAGES[2..].iter().copied().chain(std::iter::repeat(Stage::Content)) {
        talk.stage = stage;
        for byte in talk.command(stage).into_bytes() {
            talk.say(&[byte]).await?;
            match timeout(interval, talk.hear()).await {
                Ok(Ok(code @ (421 | 554))) => return Err(AbuseEnd::Refused { code }),
                Ok(Ok(_)) => tokio::time::sleep(interval).await,
                Ok(Err(cut_off)) => return Err(cut_off),
                Err(_) => {}
            }
        }
    }
    Ok(())
}

async fn idly(talk: &mut Talk) -> Result<(), AbuseEnd> {
    greet(talk).await?;
    loop {
        talk.expect_positive_reply().await?;
    }
}

async fn early(talk: &mut Talk) -> Result<(), AbuseEnd> {
    talk.stage = Stage::Banner;
    let words = [Stage::Ehlo, Stage::MailFrom].map(|stage| talk.command(stage)).concat();
    talk.say(words.as_bytes()).await?;
    talk.expect_positive_reply().await?;
    for stage in [Stage::Ehlo, Stage::MailFrom] {
        talk.stage = stage;
        talk.expect_positive_reply().await?;
    }
    talk.say(b"QUIT\r\n").await
}

/// EHLO and DATA must be the last of a group.
async fn all_at_once(talk: &mut Talk) -> Result<(), AbuseEnd> {
    talk.stage = Stage::Banner;
    talk.expect_positive_reply().await?;
    let words: String = STAGES[2..].iter().map(|stage| talk.command(*stage)).collect();
    talk.say(words.as_bytes()).await?;
    for stage in &STAGES[2..6] {
        talk.stage = *stage;
        talk.expect_positive_reply().await?;
    }
    Ok(())
}

async fn leave(talk: &mut Talk, stage: Option<Stage>, ordinal: u64) -> Result<(), AbuseEnd> {
    // Half of them by RST, and each stage by both.
    let turn = (ordinal / 2) as usize % STAGES.len();
    let last = stage.unwrap_or(STAGES[turn]);
    if ordinal.is_multiple_of(2) {
        talk.reset_at_end();
    }
    for stage in STAGES {
        match stage {
            Stage::Connect => {}
            Stage::Banner => {
                talk.stage = stage;
                talk.expect_positive_reply().await?;
            }
            Stage::Content => {
                talk.stage = stage;
                let content = talk.command(stage);
                talk.say(content.as_bytes()).await?;
            }
            _ => talk.step(stage).await?,
        }
        if stage == last {
            break;
        }
    }
    Ok(())
}

async fn without_measure(talk: &mut Talk, bytes: u64) -> Result<(), AbuseEnd> {
    greet(talk).await?;
    talk.stage = Stage::MailFrom;
    talk.say(b"MAIL FROM:<").await?;
    flood(talk, bytes, b"a").await?;
    talk.say(b"@bounce.mailbench.test>\r\n").await?;
    talk.expect_positive_reply().await
}

async fn lying(talk: &mut Talk, bytes: u64) -> Result<(), AbuseEnd> {
    greet(talk).await?;
    talk.stage = Stage::MailFrom;
    talk.say(DECLARED.as_bytes()).await?;
    talk.expect_positive_reply().await?;
    talk.step(Stage::RcptTo).await?;
    talk.step(Stage::Data).await?;
    talk.stage = Stage::Content;
    flood(talk, bytes, b"this message is not as small as it said it was, by far and far\r\n")
        .await?;
    match timeout(LISTEN, talk.expect_positive_reply()).await {
        Ok(said) => said,
        Err(_) => Ok(()),
    }
}

/// Sends this many bytes of a text over and over, unless it is answered.
async fn flood(talk: &mut Talk, bytes: u64, text: &[u8]) -> Result<(), AbuseEnd> {
    let piece = text.repeat(PIECE / text.len());
    let mut left = bytes;
    while left > 0 {
        let length = (piece.len() as u64).min(left);
        talk.say(&piece[..length as usize]).await?;
        left -= length;
        // What has come by now; nothing is waited for.
        if let Ok(said) = timeout(Duration::ZERO, talk.expect_positive_reply()).await {
            said?;
        }
    }
    Ok(())
}
