//! The second engine: command lines as `samotop-parser` reads them into the command model of
//! `samotop-core`, and that model in our words. The only module that knows either crate.
//!
//! Their last release is of January 2022. The grammar reads no BDAT and no AUTH, and of DSN
//! parameters neither a list nor a `;`; such lines are malformed here.

use samotop_core::smtp::command::{SmtpCommand, SmtpMail};
use samotop_core::smtp::{ParseResult, Parser, SmtpContext, SmtpPath, StartTls};
use samotop_parser::SmtpParserPeg;

use crate::smtp::command::{Command, Flaw};
use crate::smtp::envelope::{Body, Mail, Rcpt};

/// Reads lines with the grammar of samotop.
pub(super) struct Samotop {
    /// The parser asks it for the session's mode; command mode is all it is used in.
    context: SmtpContext,
}

impl Default for Samotop {
    fn default() -> Samotop {
        Samotop { context: SmtpContext::emtpy() }
    }
}

impl Samotop {
    /// Reads a line without its end.
    pub(super) fn read(&self, line: &[u8]) -> Command {
        // The grammar takes NUL and bytes that are not UTF-8 in places; neither engine shall.
        if line.contains(&0) || std::str::from_utf8(line).is_err() {
            return Command::Malformed(Flaw::NotText);
        }
        let mut ended = Vec::with_capacity(line.len() + 2);
        ended.extend_from_slice(line);
        ended.extend_from_slice(b"\r\n");
        let read: ParseResult<SmtpCommand> = SmtpParserPeg.parse(&ended, &self.context);
        match read {
            Ok((_, command)) => in_our_words(command),
            Err(_) => self.read_starttls(&ended),
        }
    }

    fn read_starttls(&self, line: &[u8]) -> Command {
        let read: ParseResult<StartTls> = SmtpParserPeg.parse(line, &self.context);
        match read {
            Ok(_) => Command::Starttls,
            Err(_) => Command::Malformed(Flaw::Syntax("a line that the samotop grammar reads")),
        }
    }
}

fn in_our_words(command: SmtpCommand) -> Command {
    match command {
        SmtpCommand::Helo(helo) => match helo.verb.as_str() {
            "EHLO" => Command::Ehlo(helo.host.to_string()),
            "LHLO" => Command::Lhlo(helo.host.to_string()),
            _ => Command::Helo(helo.host.to_string()),
        },
        SmtpCommand::Mail(SmtpMail::Mail(path, parameters)) => mail(&path, &parameters),
        // SEND, SOML and SAML are gone since RFC 5321 (appendix F.6).
        SmtpCommand::Mail(_) => Command::Unknown,
        SmtpCommand::Rcpt(rcpt) => {
            let mut read = Rcpt { forward_path: address(&rcpt.0), ..Rcpt::default() };
            match rcpt.1.first() {
                Some(parameter) => Command::Malformed(Flaw::Parameter(parameter.clone())),
                None => {
                    if rcpt.0 == SmtpPath::Postmaster {
                        "postmaster".clone_into(&mut read.forward_path);
                    }
                    Command::Rcpt(read)
                }
            }
        }
        SmtpCommand::Data => Command::Data,
        SmtpCommand::Rset => Command::Rset,
        SmtpCommand::Quit => Command::Quit,
        SmtpCommand::Noop(_) => Command::Noop,
        SmtpCommand::Vrfy(_) => Command::Vrfy,
        SmtpCommand::Expn(_) => Command::Expn,
        SmtpCommand::Help(_) => Command::Help,
        SmtpCommand::Turn | SmtpCommand::Other(..) => Command::Unknown,
    }
}

/// The model keeps parameters as text; those this engine offers are read here.
fn mail(path: &SmtpPath, parameters: &[String]) -> Command {
    let mut mail = Mail { reverse_path: address(path), ..Mail::default() };
    for parameter in parameters {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        match (name.to_ascii_uppercase().as_str(), value.to_ascii_uppercase().as_str()) {
            ("SIZE", digits) => match digits.parse() {
                Ok(size) => mail.size = Some(size),
                Err(_) => return Command::Malformed(Flaw::Value("SIZE")),
            },
            ("BODY", "7BIT") => mail.body = Some(Body::SevenBit),
            ("BODY", "8BITMIME") => mail.body = Some(Body::EightBitMime),
            ("BODY", _) => return Command::Malformed(Flaw::Value("BODY")),
            _ => return Command::Malformed(Flaw::Parameter(parameter.clone())),
        }
    }
    Command::Mail(mail)
}

fn address(path: &SmtpPath) -> String {
    match path {
        SmtpPath::Mailbox { name, host, .. } => format!("{name}@{host}"),
        SmtpPath::Postmaster | SmtpPath::Null => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop, proptest};

    fn read(line: &str) -> Command {
        Samotop::default().read(line.as_bytes())
    }

    /// What both engines can read they read alike.
    #[test]
    fn both_engines_read_the_same() {
        for line in [
            "EHLO relay.mailbench.test",
            "HELO x",
            "MAIL FROM:<b+abc.7@bounce.mailbench.test> SIZE=4096",
            "mail from:<> body=8bitmime",
            "RCPT TO:<mb+7@gmail.test>",
            "RCPT TO:<@a.test,@b.test:mb+7@gmail.test>",
            "RCPT TO:<Postmaster>",
            "DATA",
            "RSET",
            "NOOP",
            "QUIT",
            "VRFY someone",
            "HELP",
            "STARTTLS",
            "MAIL FROM:<a@b.test> SIZE=x",
            "NOOP \0",
        ] {
            assert_eq!(read(line), Command::parse(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn what_its_grammar_cannot_read_is_malformed() {
        for line in [
            "BDAT 5 LAST",
            "AUTH PLAIN AGEAYg==",
            "RCPT TO:<a@b.test> NOTIFY=SUCCESS,FAILURE",
            "RCPT TO:<a@b.test> ORCPT=rfc822;a@b.test",
            "RCPT TO:<a@b.test> NOTIFY=NEVER",
            "MAIL FROM: <a@b.test>",
            "MAIL FROM:<a@b.test> RET=HDRS",
            "SEND FROM:<a@b.test>",
            "",
        ] {
            let read = read(line);
            assert!(matches!(read, Command::Malformed(_) | Command::Unknown), "{line}: {read:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(
            verb in prop::sample::select(vec!["", "EHLO ", "MAIL FROM:<", "RCPT TO:<\"", "NOOP "]),
            rest in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let line = [verb.as_bytes(), &rest].concat();
            let _read = Samotop::default().read(&line);
        }
    }
}
