// hostile.mjs: mail that is broken, odd or meant to do harm; each message with what a
// reader is to see of it.
const CRLF = '\r\n';
const bytes = (text) => Buffer.from(text, 'latin1');
const utf8 = (text) => Buffer.from(text, 'utf8');
const lines = (...all) => all.join(CRLF);

/** A message as bytes; texts are octets (latin1). */
export const message = (fields, ...body) => bytes(lines('From: Mallory <mallory@evil.example>', ...fields, '', ...body, ''));

const plain = (fields, ...body) => message(['Content-Type: text/plain; charset=utf-8', ...fields], ...body);
const attachment = (disposition, content = 'content', type = 'application/octet-stream') => message(
  ['Subject: a file', 'MIME-Version: 1.0', 'Content-Type: multipart/mixed; boundary=b'],
  '--b', 'Content-Type: text/plain', '', 'see file', '--b', `Content-Type: ${type}`,
  `Content-Disposition: ${disposition}`, '', content, '--b--');

function nested(depth) {
  const open = [];
  const close = [];
  for (let i = 0; i < depth; i++) {
    open.push(`Content-Type: multipart/mixed; boundary="n${i}x"`, '', `--n${i}x`);
    close.unshift(`--n${i}x--`);
  }
  return message(['Subject: deep', ...open, 'Content-Type: text/plain'], 'the bottom', ...close);
}

const script = '<script>alert(1)</script><img src=x onerror=alert(1)>';
const encodedJapanese = Buffer.from('1b244246 7c4b5c38 6c1b2842'.replaceAll(' ', ''), 'hex').toString('latin1');
const utf16 = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('sixteen bits \u20ac', 'utf16le')]);
const uu = lines('begin 644 file.txt', '+:&5L;&\\@=\'AE<F4 ', '`', 'end');

const received = (n) => Array.from({ length: n }, (_, i) => `Received: from a${i} by b${i}; Mon, 1 Jan 2024 00:00:00 +0000`);

/** A header block of exactly n octets, its empty line not counted. */
function header(n) {
  const rest = n - 'From: Mallory <mallory@evil.example>\r\n'.length;
  const whole = Math.floor((rest - 2000) / 1000);
  const last = rest - whole * 1000;
  const field = (size) => `X-Fill: ${'f'.repeat(size - 10)}`;
  return message([...Array(whole).fill(field(1000)), field(Math.floor(last / 2)), field(Math.ceil(last / 2))], 'after the fill');
}

/**
 * [what it is, its bytes, what is to be]: code (250), subject, text (contained in the page),
 * no (not on the page), files: [[name, content]], ambiguous.
 */
export const hostileMail = [
  ['boundary never closed', message(['Subject: open', 'Content-Type: multipart/mixed; boundary=b'], '--b', '', 'text here',
    '--b', 'Content-Disposition: attachment; filename=a.bin', '', 'rest'),
  { text: 'text here', files: [['a.bin', 'rest\r\n']] }],
  ['boundary that never comes', message(['Subject: absent', 'Content-Type: multipart/mixed; boundary=never'], 'all preamble'), { text: 'all preamble' }],
  ['multipart without boundary', message(['Subject: none', 'Content-Type: multipart/mixed'], '--b', '', 'inside', '--b--'),
    { ambiguous: true, text: 'inside', files: [] }],
  ['two boundaries in one field', message(['Content-Type: multipart/mixed; boundary=a; boundary=b'], '--a', '', 'one', '--a--', '--b', '', 'two', '--b--'),
    { ambiguous: true, text: 'two', files: [] }],
  ['Content-Type twice', message(['Content-Type: text/plain', 'Content-Type: multipart/mixed; boundary=b'], '--b', 'Content-Disposition: attachment; filename=evil.exe', '', 'MZ', '--b--'),
    { ambiguous: true, text: 'evil.exe', files: [] }],
  ['Content-Transfer-Encoding twice', message(['Content-Type: text/plain', 'Content-Transfer-Encoding: base64', 'Content-Transfer-Encoding: 7bit'], 'aGVsbG8='),
    { ambiguous: true, text: 'aGVsbG8=', files: [] }],
  ['40 deep', nested(40), { subject: 'deep', more: true }],
  ['32 deep', nested(32), { subject: 'deep', text: 'the bottom' }],
  ['2001 parts', message(['Subject: many', 'Content-Type: multipart/mixed; boundary=b'], ...Array.from({ length: 2001 }, (_, i) => lines('--b', `Content-Disposition: attachment; filename=f${i}`, '', `${i}`)), '--b--'),
    { subject: 'many', few: true, more: true, files: Array.from({ length: 1999 }, (_, i) => [`f${i}`, `${i}`]) }],
  ['header of 256 KiB', header(256 * 1024), { text: 'after the fill' }],
  ['header one octet longer', header(256 * 1024 + 1), { code: 554 }],
  ['header of 300 KiB', header(300 * 1024), { code: 554 }],
  ['50 hops', message([...received(50), 'Subject: far'], 'x'), { subject: 'far' }],
  ['51 hops', message([...received(51), 'Subject: far'], 'x'), { code: 554 }],
  ['NUL in the body', plain(['Subject: nul'], 'a\0b'), { code: 550 }],
  ['NUL in the header', plain(['Subject: n\0l'], 'x'), { code: 550 }],
  ['8-bit header in Latin-1', message(['Subject: caf\xe9 au lait'], 'x'), { subject: 'caf\u00e9 au lait' }],
  ['8-bit header in UTF-8', Buffer.concat([utf8('Subject: \u65e5\u672c\u8a9e\r\nFrom: \u65e5\u672c <a@evil.example>\r\n\r\nx\r\n')]), { subject: '\u65e5\u672c\u8a9e', text: '\u65e5\u672c' }],
  ['UTF-16 in base64', message(['Content-Type: text/plain; charset=utf-16', 'Content-Transfer-Encoding: base64'], utf16.toString('base64')), { text: 'sixteen bits \u20ac' }],
  ['ISO-2022-JP', message(['Content-Type: text/plain; charset=iso-2022-jp'], encodedJapanese), { text: '\u65e5\u672c\u8a9e' }],
  ['windows-1252', message(['Content-Type: text/plain; charset=windows-1252'], '\x80 \x93quoted\x94'), { text: '\u20ac \u201cquoted\u201d' }],
  ['unknown charset', message(['Content-Type: text/plain; charset=x-klingon'], 'still readable \xe9'), { text: 'still readable \u00e9' }],
  ['UTF-8 that is none', plain([], '\xc3\x28 \xff\xfe \xe2\x82 bad'), { text: 'bad' }],
  ['UTF-7', message(['Content-Type: text/plain; charset=utf-7'], '+ADw-script+AD4-alert(1)+ADw-/script+AD4-'), { text: '<script>alert(1)</script>' }],
  ['RFC 2231 name', attachment("attachment; filename*0*=utf-8''na%C3%AF; filename*1=ve.txt"), { files: [['na\u00efve.txt', 'content']] }],
  ['RFC 2047 name', attachment('attachment; filename="=?utf-8?B?w6TDtsO8LnR4dA==?="'), { files: [['\u00e4\u00f6\u00fc.txt', 'content']] }],
  ['name with a path', attachment('attachment; filename="../../etc/passwd"'), { files: [['passwd', 'content']] }],
  ['name with a Windows path', attachment('attachment; filename="..\\\\..\\\\boot.ini"'), { files: [['boot.ini', 'content']] }],
  ['name that is dots', attachment('attachment; filename=".."'), { files: [['', 'content']] }],
  ['name with marks that turn', attachment("attachment; filename*=utf-8''invoice%E2%80%AEfdp.exe"), { files: [['invoicefdp.exe', 'content']] }],
  ['name with controls', attachment("attachment; filename*=utf-8''a%0D%0ASet-Cookie:%20x%07b.txt"), { files: [['aSet-Cookie_ x_b.txt', 'content']] }],
  ['name with a NUL', attachment("attachment; filename*=utf-8''report.pdf%00.exe"), { oneFile: /^report\.pdf(\.exe)?$/ }],
  ['name with markup', attachment('attachment; filename="<script>alert(1)<\\/script>.txt"'), { oneFile: /script/ }],
  ['name of 5000 octets', attachment(`attachment; filename="${'n'.repeat(5000)}.pdf"`), { oneFile: /^n{190,196}\.pdf$/ }],
  ['device name', attachment('attachment; filename="CON.txt"'), { oneFile: /con/i }],
  ['HTML alone, with scripts', message(['Content-Type: text/html; charset=utf-8', 'Subject: html'], `<html><body onload="alert(1)"><p>Words ${script}</p><style>p{color:red}</style><a href="javascript:alert(1)">press</a></body></html>`),
    { text: 'Words', no: 'alert(1)</script>', html: true }],
  ['HTML that shows a script', message(['Content-Type: text/html'], '<p>&lt;script&gt;alert(2)&lt;/script&gt;</p>'), { text: '<script>alert(2)</script>', html: true }],
  ['HTML of more than 1 MiB', message(['Content-Type: text/html'], `<p>begin</p>${'<b>word</b> \r\n'.repeat(90000)}<p>end</p>`), { text: 'begin', html: true, cut: true }],
  ['HTML a thousand deep', message(['Content-Type: text/html'], `${'<div>\r\n'.repeat(5000)}deep text`), { html: true }],
  ['text of more than 1 MiB', plain([], 'first line', ...Array(20000).fill('x'.repeat(70)), 'last line'), { text: 'first line', no: 'last line', cut: true }],
  ['nothing at all', Buffer.alloc(0), {}],
  ['an empty line alone', bytes(CRLF), {}],
  ['two empty lines', bytes(CRLF + CRLF), {}],
  ['no header, only text', bytes('Just words without any field.\r\nMore words.\r\n'), { text: 'Just words without any field.' }],
  ['only a header', bytes('Subject: only header\r\nFrom: a@b.example\r\n'), { subject: 'only header' }],
  ['a header that is not ended by an empty line', bytes('Subject: runs on\r\nthis is no field\r\nbody\r\n'), { subject: 'runs on' }],
  ['fold before any field', bytes(' folded\r\nSubject: after fold\r\n\r\nx\r\n'), {}],
  ['line of 998 octets', plain([], 'y'.repeat(998)), { text: 'y'.repeat(998) }],
  ['line of 999 octets', plain([], 'y'.repeat(999)), { text: 'y'.repeat(999) }],
  ['line of 60000 octets', plain([], 'y'.repeat(60000)), { text: 'y'.repeat(60000) }],
  ['line of 65534 octets', plain([], 'y'.repeat(65534)), { text: 'y'.repeat(65534) }],
  ['line of 65535 octets', plain([], 'y'.repeat(65535)), { code: 550 }],
  ['header line of 60000 octets', plain([`X-Long: ${'y'.repeat(60000)}`, 'Subject: after long'], 'x'), { subject: 'after long' }],
  ['winmail.dat', attachment('attachment; filename=winmail.dat', Buffer.from('789f3e2201', 'hex').toString('latin1'), 'application/ms-tnef'), { files: [['winmail.dat', Buffer.from('789f3e2201', 'hex')]] }],
  ['message/rfc822', attachment('attachment; filename=inner.eml', 'Subject: inner\r\n\r\ninside', 'message/rfc822'), { files: [['inner.eml', 'Subject: inner\r\n\r\ninside']] }],
  ['message/rfc822 alone', message(['Content-Type: message/rfc822', 'Subject: outer'], 'Subject: inner', '', 'inside'), { subject: 'outer', files: [['', 'Subject: inner\r\n\r\ninside\r\n']] }],
  ['message/partial', message(['Content-Type: message/partial; id="x@y"; number=1; total=2', 'Subject: piece'], 'Subject: whole', '', 'part one'), { subject: 'piece', files: [['', 'Subject: whole\r\n\r\npart one\r\n']] }],
  ['message/external-body', message(['Content-Type: message/external-body; access-type=URL; URL="http://evil.example/x"', 'Subject: away'], 'Content-Type: text/plain', ''), { subject: 'away' }],
  ['base64 that is none', message(['Content-Type: text/plain', 'Content-Transfer-Encoding: base64'], '!!!! not * base64 ===', '=====', 'QQ'), {}],
  ['base64 cut short', message(['Content-Type: multipart/mixed; boundary=b'], '--b', 'Content-Type: application/pdf; name=a.pdf', 'Content-Transfer-Encoding: base64', '', 'aGVsbG8gd29ybG', '--b--'), { oneFile: /^a\.pdf$/ }],
  ['quoted-printable that is none', message(['Content-Type: text/plain; charset=utf-8', 'Content-Transfer-Encoding: quoted-printable'], 'ok =C3=A9 =ZZ =', '=4', '='), { text: 'ok \u00e9' }],
  ['unknown encoding', message(['Content-Type: text/plain', 'Content-Transfer-Encoding: x-rot13', 'Subject: rot'], 'uryyb'), { subject: 'rot', text: 'uryyb' }],
  ['uuencode', message(['Content-Type: application/octet-stream; name=file.txt', 'Content-Transfer-Encoding: x-uuencode'], uu), { oneFile: /^file\.txt$/ }],
  ['uuencode in the text', plain([], 'before', uu), { text: 'before' }],
  ['alternative in related in mixed', message(['Content-Type: multipart/mixed; boundary=m'], '--m', 'Content-Type: multipart/related; boundary=r', '', '--r', 'Content-Type: multipart/alternative; boundary=a', '',
    '--a', 'Content-Type: text/plain', '', 'the plain form', '--a', 'Content-Type: text/html', '', '<p>the html form</p>', '--a--', '--r', 'Content-Type: image/png', 'Content-ID: <i@x>', 'Content-Disposition: inline; filename=logo.png', '', 'PNG', '--r--',
    '--m', 'Content-Type: text/csv; name=t.csv', '', '1,2', '--m--'), { text: 'the plain form', no: 'the html form', files: [['logo.png', 'PNG'], ['t.csv', '1,2']] }],
  ['signed', message(['Content-Type: multipart/signed; boundary=s; micalg=pgp-sha256; protocol="application/pgp-signature"'], '--s', 'Content-Type: text/plain', '', 'signed text', '--s', 'Content-Type: application/pgp-signature; name=signature.asc', '', '-----BEGIN PGP SIGNATURE-----', '--s--'),
    { text: 'signed text', files: [['signature.asc', '-----BEGIN PGP SIGNATURE-----']] }],
  ['encrypted', message(['Content-Type: multipart/encrypted; boundary=s; protocol="application/pgp-encrypted"'], '--s', 'Content-Type: application/pgp-encrypted', '', 'Version: 1', '--s', 'Content-Type: application/octet-stream', '', 'secret', '--s--'),
    { files: [['', 'Version: 1'], ['', 'secret']] }],
  ['boundary with what expressions mean', message(['Content-Type: multipart/mixed; boundary="a.*+?(b)"'], '--a.*+?(b)', '', 'right', '--a.*+?(b)--'), { text: 'right' }],
  ['boundary that begins another', message(['Content-Type: multipart/mixed; boundary=out'], '--out', 'Content-Type: multipart/mixed; boundary=outer', '', '--outer', '', 'inner text', '--outer--', '--out', 'Content-Disposition: attachment; filename=z', '', 'zz', '--out--'), { text: 'inner text', files: [['z', 'zz']] }],
  ['subject of 10 KB', plain([`Subject: ${'long subject '.repeat(800)}`], 'x'), { text: 'long subject' }],
  ['subject that is markup', plain([`Subject: </title>${script}"'&amp;`], 'x'), { subject: `</title>${script}"'&amp;` }],
  ['subject with controls', plain(['Subject: =?utf-8?Q?one=0D=0ASet-Cookie:=20x=00two?='], 'x'), { text: 'two' }],
  ['subject with marks that turn', plain(['Subject: =?utf-8?Q?pay_=E2=80=AEeslaf_100?='], 'x'), { no: '\u202e' }],
  ['subject in broken words', plain(['Subject: =?utf-8?B?!!!!?= =?x-none?Q?abc?= =?utf-8?Q?half'], 'x'), {}],
  ['body that is markup', plain([], `</div></main>${script}<!-- --><![CDATA[ ]]>&lt;&#x3c;`), { text: `</div></main>${script}<!-- --><![CDATA[ ]]>&lt;&#x3c;` }],
  ['several people in From', message(['From: "A" <a@x.example>, "B" <b@x.example>', 'Sender: c@x.example'], 'x'), {}],
  ['no From', bytes('Subject: from nobody\r\nTo: x@y.example\r\n\r\nx\r\n'), { subject: 'from nobody', text: 'alice@acme.example' }],
  ['From that is garbage', bytes('From: <<<@@@,;"(\r\nSubject: garbled\r\n\r\nx\r\n'), { subject: 'garbled' }],
  ['From that shows another address', bytes('From: "director@bank.example" <mallory@evil.example>\r\n\r\nx\r\n'), { text: 'alice@acme.example', no: 'bank.example' }],
  ['a name that is markup', bytes(`From: "${script}" <m@evil.example>\r\nTo: "${script}" <n@evil.example>\r\n\r\nx\r\n`), {}],
  ['a name of 20000 characters', bytes(`From: ${'N'.repeat(20000)} <m@evil.example>\r\n\r\nx\r\n`), {}],
  ['5000 people in To', message([`To: ${Array.from({ length: 5000 }, (_, i) => `p${i}@x.example`).join(',\r\n ')}`], 'x'), { text: 'p0@x.example' }],
  ['Date that is nonsense', plain(['Date: the day after tomorrow, 99 Foo 99999 99:99:99 +9999'], 'x'), {}],
  ['Date far away', plain(['Date: Fri, 31 Dec 9999 23:59:60 -9999'], 'x'), {}],
  ['groups and comments', message(['To: undisclosed-recipients:;, (com(ment)) a@x.example (more)', 'Cc: Group: b@x.example, c@x.example;'], 'x'), {}],
  ['type that is garbage', message(['Content-Type: ;;;===///"', 'Subject: type'], 'x'), { subject: 'type' }],
  ['type of 9000 octets', message([`Content-Type: text/${'x'.repeat(9000)}`, 'Subject: type'], 'x'), { subject: 'type' }],
  ['type with markup', attachment('attachment; filename=t', 'content', 'text/html"><script>; charset="><script>'), { oneFile: /^t$/ }],
  ['a digest', message(['Content-Type: multipart/digest; boundary=d'], '--d', '', 'Subject: one', '', '1', '--d', '', 'Subject: two', '', '2', '--d--'), { files: [['', 'Subject: one\r\n\r\n1'], ['', 'Subject: two\r\n\r\n2']] }],
  ['a bounce', message(['Content-Type: multipart/report; report-type=delivery-status; boundary=d', 'Subject: bounce'], '--d', '', 'It failed', '--d', 'Content-Type: message/delivery-status', '', 'Status: 5.1.1', '--d--'), { subject: 'bounce', text: 'It failed', files: [['', 'Status: 5.1.1']] }],
  ['dots alone', plain([], '.', '..', '...', '.a'), { text: '...' }],
  ['our own marks from a stranger', plain(['X-Restante: 1', 'Auto-Submitted: auto-generated', 'Disposition-Notification-To: x@evil.example', 'Return-Receipt-To: x@evil.example'], 'x'), {}],
];
