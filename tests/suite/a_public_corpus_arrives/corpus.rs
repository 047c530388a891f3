//! A corpus as it is found in public archives: every head with every body, each oddity by name.

use std::path::Path;

/// What a message has beside the fields of an oddity: name, header fields, body.
const BODIES: [(&str, &str, &str); 14] = [
    ("plain", "", "Hello\n.\n..x\n\nbye\n"),
    ("empty", "", ""),
    ("no-end", "", "the last line has no line end"),
    ("blank-lines", "", "words\n\n\n\n"),
    ("from-lines", "", "From the start\n>From an answer\n\nFrom here on\n"),
    (
        "flowed",
        "Content-Type: text/plain; charset=us-ascii; format=flowed\n",
        "one \ntwo \n-- \nme\n",
    ),
    (
        "utf-8",
        "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\
         Content-Transfer-Encoding: 8bit\n",
        "Gr\u{fc}\u{df}e, \u{4fe1}\n",
    ),
    ("8bit-unlabelled", "", "caf\u{e9}\n"),
    (
        "quoted-printable",
        "MIME-Version: 1.0\nContent-Type: text/plain; charset=iso-8859-1\n\
         Content-Transfer-Encoding: quoted-printable\n",
        "caf=E9 =\nand more=20\n",
    ),
    (
        "base64",
        "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\
         Content-Transfer-Encoding: base64\n",
        "SGVsbG8sIHdvcmxkIQo=\n",
    ),
    (
        "alternative",
        "MIME-Version: 1.0\nContent-Type: multipart/alternative;\n boundary=\"=_a\"\n",
        "This is MIME.\n--=_a\nContent-Type: text/plain\n\nplain\n--=_a\n\
         Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n\
         <p>Gr\u{fc}\u{df}e</p>\n--=_a--\n",
    ),
    (
        "attachment",
        "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n",
        "--b\n\nwords\n--b\nContent-Type: application/pdf; name=\"a b.pdf\"\n\
         Content-Transfer-Encoding: base64\n\nJVBERi0xLjQK\n--b--\nepilogue\n",
    ),
    (
        "forwarded",
        "MIME-Version: 1.0\nContent-Type: multipart/digest; boundary=d\n",
        "--d\n\nFrom: x@x.test\nReturn-Path: <x@x.test>\nSubject: inside\n\ninner\n--d--\n",
    ),
    (
        "signed",
        "MIME-Version: 1.0\nContent-Type: multipart/signed; boundary=s; micalg=pgp-sha256;\n\
         \tprotocol=\"application/pgp-signature\"\n",
        "--s\nContent-Type: text/plain\n\nsigned \n--s\nContent-Type: application/pgp-signature\n\n\
         -----BEGIN PGP SIGNATURE-----\n=x\n-----END PGP SIGNATURE-----\n--s--\n",
    ),
];

const FROM: &str = "From: Ann <ann@a.test>\n";
const TO: &str = "To: Bob <bob@b.test>\n";
const SUBJECT: &str = "Subject: words\n";
const DATE: &str = "Date: Tue, 24 Nov 2015 10:00:00 +0000\n";
const ID: &str = "Message-ID: <1@a.test>\n";

/// Header sections by what is odd about them; the parts that are not named are as above.
const HEADS: [(&str, &[&str]); 62] = [
    ("nothing", &[FROM, TO, SUBJECT, DATE, ID]),
    ("no-message-id", &[FROM, TO, SUBJECT, DATE]),
    ("no-date", &[FROM, TO, SUBJECT, ID]),
    ("no-from", &[TO, SUBJECT, DATE, ID]),
    ("no-to", &[FROM, SUBJECT, DATE, ID]),
    ("no-subject", &[FROM, TO, DATE, ID]),
    ("only-subject", &[SUBJECT]),
    ("bare-from", &["From: root\n", TO, SUBJECT, DATE, ID]),
    ("bare-to", &[FROM, "To: bob\n", SUBJECT, DATE, ID]),
    ("bare-both-no-id", &["From: root\n", "To: bob\n", SUBJECT, DATE]),
    ("bare-in-brackets", &["From: Root <root>\n", "To: <bob>\n", SUBJECT, DATE, ID]),
    ("bare-with-comment", &["From: root (Cron Daemon)\n", "To: bob (Bob)\n", SUBJECT, DATE, ID]),
    ("bare-list", &[FROM, "To: bob, eve, carl@c.test\n", SUBJECT, DATE, ID]),
    ("host-only", &["From: ann@mail\n", "To: bob@host\n", SUBJECT, DATE, ID]),
    ("no-brackets", &["From: ann@a.test\n", "To: bob@b.test\n", SUBJECT, DATE, ID]),
    ("brackets-alone", &["From: <ann@a.test>\n", "To: <bob@b.test>\n", SUBJECT, DATE, ID]),
    (
        "comments",
        &["From: ann@a.test (Ann (A.) Smith)\n", "To: bob@b.test (Bob)\n", SUBJECT, DATE, ID],
    ),
    ("quoted-local", &[FROM, "To: \"bob smith\"@b.test, \"b\\\"c\"@b.test\n", SUBJECT, DATE, ID]),
    ("quoted-name", &["From: \"Smith, Ann\" <ann@a.test>\n", TO, SUBJECT, DATE, ID]),
    ("dots-in-name", &["From: Ann B. Smith <ann@a.test>\n", TO, SUBJECT, DATE, ID]),
    ("upper-domain", &["From: Ann@A.TEST\n", "To: Bob@B.Test\n", SUBJECT, DATE, ID]),
    ("literal", &["From: ann@[127.0.0.1]\n", TO, SUBJECT, DATE, ID]),
    ("source-route", &["From: <@r.test,@s.test:ann@a.test>\n", TO, SUBJECT, DATE, ID]),
    ("uucp", &["From: host!ann\n", TO, SUBJECT, DATE, ID]),
    ("percent", &["From: ann%a.test@r.test\n", TO, SUBJECT, DATE, ID]),
    ("empty-group", &[FROM, "To: undisclosed-recipients:;\n", SUBJECT, DATE, ID]),
    ("group", &[FROM, "To: Team: bob@b.test, Carl <carl@c.test>;\n", SUBJECT, DATE, ID]),
    ("empty-to", &[FROM, "To:\n", SUBJECT, DATE, ID]),
    ("empty-cc", &[FROM, TO, "Cc: \n", SUBJECT, DATE, ID]),
    (
        "list-of-many",
        &[FROM, "To: a@a.test,b@b.test,\n c@c.test,\n\td@d.test\n", SUBJECT, DATE, ID],
    ),
    ("empty-items", &[FROM, "To: a@a.test, , b@b.test,\n", SUBJECT, DATE, ID]),
    ("utf8-names", &["From: =?utf-8?q?=C3=84nn?= <ann@a.test>\n", TO, SUBJECT, DATE, ID]),
    (
        "encoded-subject",
        &[FROM, TO, "Subject: =?iso-8859-1?Q?Gr=FC=DFe?=\n =?utf-8?b?IQ==?=\n", DATE, ID],
    ),
    ("empty-subject", &[FROM, TO, "Subject:\n", DATE, ID]),
    ("blank-subject", &[FROM, TO, "Subject:   \n", DATE, ID]),
    ("folded-subject", &[FROM, TO, "Subject: one\n\ttwo\n   three\n", DATE, ID]),
    ("fold-at-once", &[FROM, TO, "Subject:\n words\n", DATE, ID]),
    ("no-space", &["From:ann@a.test\n", "To:bob@b.test\n", "Subject:words\n", DATE, ID]),
    ("tabs", &["From:\tAnn <ann@a.test>\n", TO, "Subject:\twords\there\n", DATE, ID]),
    ("trailing-space", &[FROM, TO, "Subject: words  \n", DATE, ID]),
    (
        "lower-names",
        &[
            "from: Ann <ann@a.test>\n",
            "to: bob@b.test\n",
            "subject: words\n",
            "date: Tue, 24 Nov 2015 10:00:00 +0000\n",
            "message-id: <1@a.test>\n",
        ],
    ),
    ("long-line", &[FROM, TO, LONG_SUBJECT, DATE, ID]),
    (
        "references",
        &[
            FROM,
            TO,
            SUBJECT,
            DATE,
            ID,
            "References: <a@a.test>\n <b@a.test> <c@a.test>\n\t<d@a.test>\n",
            "In-Reply-To: <d@a.test> (ann's)\n",
        ],
    ),
    ("id-without-brackets", &[FROM, TO, SUBJECT, DATE, "Message-ID: 1@a.test\n"]),
    ("old-date", &[FROM, TO, SUBJECT, "Date: 24 Nov 96 10:00 GMT\n", ID]),
    (
        "date-with-comment",
        &[FROM, TO, SUBJECT, "Date: Tue, 24 Nov 2015 10:00:00 -0800 (PST)\n", ID],
    ),
    ("no-such-date", &[FROM, TO, SUBJECT, "Date: yesterday\n", ID]),
    ("content-length", &[FROM, TO, SUBJECT, DATE, ID, "Content-Length: 6\n", "Lines: 1\n"]),
    ("status", &[FROM, TO, SUBJECT, DATE, ID, "Status: RO\n", "X-Status: \n", "X-UID: 5\n"]),
    (
        "from-mailbox",
        &[
            "Return-Path: <ann@a.test>\n",
            "Envelope-to: bob@b.test\n",
            "Delivery-date: Tue, 24 Nov 2015 10:00:01 +0000\n",
            FROM,
            TO,
            SUBJECT,
            DATE,
            ID,
        ],
    ),
    (
        "delivered-to",
        &["Delivered-To: bob@b.test\n", "X-Original-To: bob@b.test\n", FROM, TO, SUBJECT, DATE, ID],
    ),
    (
        "received",
        &[
            "Received: from a.test ([192.0.2.1])\n\tby b.test with ESMTP id 1\n\tfor <bob@b.test>; Tue, 24 Nov 2015 10:00:00 +0000\n",
            "Received: by a.test (8.8.8/8.8.8) id AA1\n",
            FROM,
            TO,
            SUBJECT,
            DATE,
            ID,
        ],
    ),
    (
        "authentication-results",
        &[
            "Authentication-Results: mx.b.test; spf=pass smtp.mailfrom=a.test;\n\tdkim=none\n",
            "Received-SPF: pass (mx.b.test: x)\n",
            FROM,
            TO,
            SUBJECT,
            DATE,
            ID,
        ],
    ),
    (
        "signed",
        &[
            "DKIM-Signature: v=1; a=rsa-sha256; d=a.test; s=x;\n\tbh=AAAA=; h=From:To;\n\tb=BBBB\n",
            FROM,
            TO,
            SUBJECT,
            DATE,
            ID,
        ],
    ),
    ("bcc", &[FROM, TO, "Bcc: eve@e.test,\n carl@c.test\n", SUBJECT, DATE, ID]),
    (
        "resent",
        &[
            "Resent-From: carl@c.test\n",
            "Resent-To: dan@d.test\n",
            "Resent-Bcc: eve@e.test\n",
            "Resent-Date: Tue, 24 Nov 2015 11:00:00 +0000\n",
            "Resent-Message-ID: <2@c.test>\n",
            FROM,
            TO,
            SUBJECT,
            DATE,
            ID,
        ],
    ),
    (
        "list",
        &[
            FROM,
            TO,
            SUBJECT,
            DATE,
            ID,
            "List-Id: Words <words.l.test>\n",
            "List-Post: <mailto:words@l.test>\n",
            "Precedence: list\n",
            "Errors-To: words-bounces@l.test\n",
        ],
    ),
    (
        "sender",
        &[
            FROM,
            "Sender: carl@c.test\n",
            "Reply-To: Ann <ann@a.test>, eve@e.test\n",
            TO,
            SUBJECT,
            DATE,
            ID,
        ],
    ),
    (
        "receipts",
        &[
            FROM,
            TO,
            SUBJECT,
            DATE,
            ID,
            "Return-Receipt-To: ann@a.test\n",
            "Disposition-Notification-To: <ann@a.test>\n",
        ],
    ),
    (
        "twice",
        &[
            FROM,
            TO,
            SUBJECT,
            DATE,
            ID,
            "X-Tag: one\n",
            "X-Tag: two\n",
            "Comments: a\n",
            "Comments: b\n",
        ],
    ),
    ("odd-names", &[FROM, TO, SUBJECT, DATE, ID, "X-A_b!c#1: x\n", "X: y\n", "x-MiXeD-cAsE: z\n"]),
    (
        "spam",
        &[
            "X-Spam-Status: No, score=-1.0 required=5.0 tests=A,B\n\tautolearn=no version=3.4\n",
            "X-Spam-Level: \n",
            "Organization: words & more\n",
            "User-Agent: x/1.0 (y; z)\n",
            "MIME-Version: 1.0 (x)\n",
            FROM,
            TO,
            SUBJECT,
            DATE,
            ID,
        ],
    ),
];

const LONG_SUBJECT: &str = "Subject: words words words words words words words words words words \
    words words words words words words words words words words words words words words words words \
    words words words words words words words words words words words words words words words words\n";

/// Writes the corpus: every head with every body, some in other clothes.
pub(super) fn write(folder: &Path) {
    let mail = folder.join("mail");
    std::fs::create_dir_all(&mail).expect("made");
    let mut count = 0;
    for (oddity, head) in HEADS {
        for (kind, fields, body) in BODIES {
            let has_version = head.iter().any(|line| line.starts_with("MIME-Version"));
            let fields = if has_version {
                fields.replace("MIME-Version: 1.0\n", "")
            } else {
                fields.to_owned()
            };
            let text = format!("{}{fields}\n{body}", head.concat());
            let text = match count % 7 {
                1 => text.replace('\n', "\r\n"),
                2 => format!("\u{feff}{text}"),
                3 => format!("From ann@a.test Tue Nov 24 10:00:00 2015\n{}", escaped(&text)),
                _ => text,
            };
            std::fs::write(mail.join(format!("{oddity}.{kind}")), text).expect("written");
            count += 1;
        }
    }
}

/// As in a mailbox of the kind that can be read back (mboxrd).
fn escaped(text: &str) -> String {
    let is_from = |line: &str| line.trim_start_matches('>').starts_with("From ");
    let lines = text.split_inclusive('\n');
    lines.map(|line| if is_from(line) { format!(">{line}") } else { line.to_owned() }).collect()
}
