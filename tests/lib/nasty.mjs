// nasty.mjs: messages that are legal, odd, broken or hostile in every way we could think of;
// what to see of each is not said here: it must be taken as it is, or refused with its code.
// Run with a directory it writes those that are not large there, for a fuzzer.
import fs from 'node:fs';
import path from 'node:path';

const bytes = (text) => Buffer.from(text, 'latin1');
const message = (fields, ...body) => bytes(['From: Nasty <nasty@odd.example>', ...fields, '', ...body, ''].join('\r\n'));
const times = (n, make) => Array.from({ length: n }, (_, i) => make(i));
const all = [];
const add = (what, fields, ...body) => all.push([what, message(fields, ...body), 250]);
const raw = (what, text, code = 250) => all.push([what, Buffer.isBuffer(text) ? text : bytes(text), code]);
const mixed = (b = 'b') => `Content-Type: multipart/mixed; boundary=${b}`;
const high = String.fromCharCode(...times(128, (i) => 128 + i));
const noise = (n, seed) => Buffer.from(times(n, (i) => (seed = (seed * 1103515245 + 12345 + i) >>> 0) >>> 24));

// Character sets, known, odd and no sets at all: in the body, in words and in a file's name.
for (const set of ['us-ascii', 'utf-8', 'utf8', 'UTF-16', 'utf-16le', 'utf-16be', 'utf-32', 'ucs-2', 'utf-7', 'utf-7-imap', 'iso-8859-1', 'latin1',
  ...times(16, (i) => `iso-8859-${i + 1}`), ...times(9, (i) => `windows-125${i}`), 'cp437', 'cp850', 'cp866', 'cp932', 'koi8-r', 'koi8-u', 'big5', 'big5-hkscs',
  'gb2312', 'gbk', 'gb18030', 'hz-gb-2312', 'iso-2022-jp', 'iso-2022-jp-2', 'iso-2022-kr', 'iso-2022-cn', 'euc-jp', 'euc-kr', 'shift_jis', 'tis-620', 'viscii',
  'macintosh', 'x-mac-cyrillic', 'ebcdic-us', 'ibm037', 'x-unknown', 'unknown-8bit', 'ansi_x3.4-1968', '646', '', 'utf-8//IGNORE', '../../etc/passwd', 'a'.repeat(300), '\xff\xfe', '"; x="']) {
  add(`character set ${set.slice(0, 40)}`, [`Content-Type: text/plain; charset="${set}"; name="=?${set}?B?${Buffer.from(high, 'latin1').toString('base64')}?="`,
    `Subject: =?${set}?Q?=A4=C3=A9=1B$B?= =?${set}?B?pMPpGyRC?=`], `abc ${high} \x1b$B$3$s\x1b(B +AGE- ~{<:Ky~}`);
}

// Encoded words.
const words = ['=?utf-8?B?YQ==?= =?utf-8?B?Yg==?= =?UTF-8?B?Yw==?=', '=?utf-8?B?w6Q=?=\r\n =?utf-8?B?YWFh?=\t=?koi8-r?B?YQ==?=', '=?', '=??', '=???', '=????=', '=?utf-8', '=?utf-8?', '=?utf-8?Q', '=?utf-8?Q?', '=?utf-8?Q?a', '=?utf-8?Q?a?', '=?utf-8?Q?a?=b', '=?utf-8?X?a?=',
  '=?utf-8?Q??=', '=?utf-8?B??=', '=?utf-8?B?A?=', '=?utf-8?B?AA?=', '=?utf-8?B?====?=', '=?utf-8?B?Y Q==?=', '=?utf-8?Q?=?=', '=?utf-8?Q?=4?=', '=?utf-8?Q?=ZZ?=', '=?utf-8?Q?=00=01=7F?=',
  '=?utf-8?Q?=0D=0A=0D=0Abody?=', '=?utf-8?Q?=F0=9F?= =?utf-8?Q?=98=80?=', '=?utf-8?Q?=ED=A0=80?=', '=?utf-8?Q?=C0=AF?=', '=?utf-8*en?Q?a?=', '=?*en?Q?a?=', '=?utf-8?=?utf-8?Q?a?=?=',
  '=?utf-8?Q?a?==?utf-8?Q?b?=', '"=?utf-8?Q?a?="', '=?utf-8?Q?a b c?=', '=?utf-8?Q?=E2=80=AE=E2=81=A6?=', `=?utf-8?Q?${'a'.repeat(9000)}?=`, `=?${'x'.repeat(9000)}?Q?a?=`];
for (const word of words) add(`encoded word ${word.slice(0, 40)}`, [`Subject: ${word}`, `To: ${word} <a@odd.example>, ${word}`, `Content-Type: text/plain; name="${word}"`, `Content-Disposition: attachment; filename=${word}`], 'x');
add('10,000 encoded words', [`Subject: ${times(10000, () => '=?utf-8?B?YQ==?=').join('\r\n ')}`], 'x');
add('encoded words of every other set', [`Subject: ${times(3000, (i) => `=?iso-8859-${1 + i % 15}?Q?=E${(i % 16).toString(16)}?=`).join('\r\n ')}`], 'x');

// RFC 2231.
const file = (parameters, what) => add(`2231: ${what}`, [mixed(), `Subject: ${what}`], '--b', '', 'text', '--b', `Content-Disposition: attachment; ${parameters}`, '', 'content', '--b--');
file(times(10000, (i) => `filename*${i}=a`).join(';\r\n '), '10,000 pieces');
file(times(10000, (i) => `filename*${9999 - i}*=%41`).join(';\r\n '), '10,000 pieces backwards');
file(times(3000, () => 'filename*0=a').join(';\r\n '), 'one piece 3,000 times');
file("filename*0*=utf-8''a; filename*2*=c; filename*1*=b", 'out of order');
file("filename*0*=utf-8''a; filename*2*=c", 'a piece missing');
file("filename*1*=utf-8''a; filename*2*=c", 'the first missing');
file("filename*0*=utf-8''%; filename*1*=%4; filename*2*=%zz%00%ff%2f%5c", 'escapes that are none');
file("filename*=utf-8''a%0d%0ab; filename=plain.txt", 'both forms');
file("filename=plain.txt; filename*=utf-8''a; filename*0=b; filename=c", 'all forms');
file("filename*=''a", 'no set');
file("filename*=a", 'no quotes');
file("filename*='''''", 'quotes alone');
file("filename*=utf-7''+AC8-", 'utf-7');
file("filename*99999999999999999999=a; filename*-1=b; filename*01=c; filename**=d; filename*=", 'numbers that are none');
file(`filename*=x-${'y'.repeat(20000)}''a`, 'a set of 20,000 octets');
file(`filename="${'\\"'.repeat(3000)}"`, 'escapes alone');
file('filename="not ended', 'a quote that never ends');
for (const name of ['../../x', '..\\..\\x', '/etc/passwd', 'C:\\boot.ini', '\\\\host\\share', 'a/b/c', '.', '..', '...', 'CON', 'nul.txt', 'a\tb', 'a\x01b', 'x\x7f', '\xe2\x80\xaetxt.exe', '\xff\xfe', ' ', '', 'a'.repeat(4000), '%2e%2e%2f', '<b>', '-rf', '$(x)', 'x;y', "x'y", '\u00a0'.repeat(3)]) {
  file(`filename="${name}"`, `name ${JSON.stringify(name.slice(0, 30))}`);
}

// Trees.
add('never ended', [mixed()], '--b', '', 'one', '--b', '', 'two');
add('never ended, more behind', [mixed()], '--b', mixed('c'), '', '--c', '', 'in', '--b--', 'behind', '--c', '', 'hidden');
add('a boundary that begins another', [mixed()], '--b', mixed('bc'), '', '--bc', '', 'in', '--bc--', '--b--');
add('a boundary that another begins', [mixed('bc')], '--bc', mixed('b'), '', '--b', '', 'in', '--b--', '--bc--');
add('the same boundary twice', [mixed()], '--b', mixed(), '', '--b', '', 'in', '--b--', '--b--');
add('parts behind the end', [mixed()], '--b', '', 'one', '--b--', '--b', 'Content-Disposition: attachment; filename=hidden.exe', '', 'MZ', '--b--');
add('a boundary with more on its line', [mixed()], '--b', '', 'one', '--bx', '', 'two', '--b--');
for (const b of ['""', '" "', '"', '', 'a=b', 'a b', '"a\\b"', '"a\tb"', `"${'z'.repeat(7000)}"`, `"${'z'.repeat(9000)}"`, '-', '--', '"a"; boundary="c"', '(c)a', 'a(c)', '"a"(c)', "*=utf-8''a", '*0=a; boundary*1=b', '"\xe9"', '"=?utf-8?Q?a?="', '"a" x']) {
  add(`boundary ${b.slice(0, 30)}`, [`Content-Type: multipart/mixed; boundary${b.startsWith('*') ? b : `=${b}`}`], '--a', '', 'one', '--a--', '--ab', '', 'two', '--ab--', '--', '', 'three');
}
for (const type of ['multipart', 'multipart/', '/mixed', 'multipart/mixed boundary=b', 'multipart/mixed, boundary=b', '(x) multipart/mixed; boundary=b', 'multi(x)part/mixed; boundary=b', 'multipart /mixed; boundary=b', 'MULTIPART/MIXED; BOUNDARY=b', 'multipart/mixed;;;boundary=b;', 'text/plain; boundary=b', '"multipart/mixed"; boundary=b', 'multipart/mixed; boundary = b', 'multipart/mixed; x="; boundary=c"; boundary=b', 'text/plain\r\nContent-Type: multipart/mixed; boundary=b', 'multipart/mixed; boundary=b\r\nContent-Type: text/html', 'text/plain;\r\n \r\n boundary=b', 'message/rfc822', 'message/partial; number=1; total=9; id=x', 'message/external-body; access-type=local-file; name="/etc/passwd"', 'multipart/digest; boundary=b', 'multipart/x-unknown; boundary=b', `${'multipart/'.repeat(500)}`, ';', '/', ' ', '\x01']) {
  add(`type ${JSON.stringify(type.slice(0, 50))}`, [`Content-Type: ${type}`, 'Subject: type'], '--b', 'Content-Disposition: attachment; filename=a.exe', '', 'MZ', '--b--');
}
for (const encoding of ['base64', 'BASE64', 'quoted-printable', 'x-uuencode', 'uuencode', 'binary', '8bit', '7bit', 'base64 ', 'base64;', 'base64 (x)', '(x) base64', '"base64"', 'base64\r\nContent-Transfer-Encoding: 7bit', '7bit, base64', 'x-yenc', 'none', '', 'base64\t', 'quoted-printable base64']) {
  add(`encoding ${JSON.stringify(encoding)} of text`, [`Content-Transfer-Encoding: ${encoding}`, 'Content-Type: text/plain'], 'aGVsbG8=3D', 'begin 644 x', '#0V%T', '`', 'end');
  add(`encoding ${JSON.stringify(encoding)} of a multipart`, [`Content-Transfer-Encoding: ${encoding}`, mixed()], '--b', '', 'LS1i', '--b--');
  add(`encoding ${JSON.stringify(encoding)} of a message`, [`Content-Transfer-Encoding: ${encoding}`, 'Content-Type: message/rfc822'], 'U3ViamVjdDogaW4KCng=');
}
add('messages within messages', times(60, () => ['Content-Type: message/rfc822', '']).flat(), 'Subject: the innermost', '', 'x');
add('200 levels', [...times(200, (i) => [mixed(`l${i}.`), '', `--l${i}.`]).flat()], '', 'deep');
add('5,000 parts', [mixed()], times(5000, () => '--b\r\n\r\nx').join('\r\n'), '--b--');
add('20,000 boundaries and nothing else', [mixed()], times(20000, () => '--b').join('\r\n'));
add('parts whose header never ends', [mixed()], times(50, (i) => `--b\r\n${times(50, (j) => `X-${i}-${j}: y`).join('\r\n')}`).join('\r\n'));

// Headers.
raw('nothing', '');
raw('an empty line', '\r\n');
raw('a body alone', 'no header here\r\nat all\r\n');
raw('a header alone', 'Subject: x\r\n');
raw('a header without an end', 'Subject: x');
raw('a line without a colon', 'Subject: x\r\nno colon\r\nContent-Type: text/html\r\n\r\n<b>x\r\n');
raw('a line without a colon, and a multipart', `Subject: x\r\nno colon\r\n${mixed()}\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n`);
raw('folds of blanks alone', `Subject: x\r\n \r\n\t\r\n${mixed()}\r\n  \r\n\r\n--b\r\n\r\nx\r\n--b--\r\n`);
raw('a fold before any field', ' x\r\nSubject: y\r\n\r\nz\r\n');
raw('blanks before colons', `Subject : x\r\nContent-Type : multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n`);
raw('a boundary within the header', `Subject: x\r\n${mixed()}\r\n--b\r\nContent-Disposition: attachment; filename=a\r\n\r\nx\r\n--b--\r\n`);
raw('a mailbox line first', `From someone@odd.example Mon Jan  1 00:00:00 2024\r\nSubject: mbox\r\n${mixed()}\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n`);
raw('8-bit field names', 'S\xfcbject: x\r\nContent-Type: text/plain\r\n\r\nx\r\n');
raw('a name of 30,000 octets', `${'X'.repeat(30000)}: y\r\n\r\nx\r\n`);
raw('a field without a name', ': x\r\n:\r\n\r\ny\r\n');
add('1,000 Subjects', times(1000, (i) => `Subject: ${i}`), 'x');
add('5,000 fields', times(5000, (i) => `X-${i}: ${i}`), 'x');
add('fields folded to one octet a line', [`Subject: ${times(5000, () => 's').join('\r\n ')}`], 'x');
add('a line of 60,000', [], 'x'.repeat(60000));
add('every printable in a header', [`X-All: ${times(95, (i) => String.fromCharCode(32 + i)).join('')}`, `Subject: ${high}`, `To: ${high} <${high}@${high}>`], high);
add('people of all kinds', ['To: ,,,, ;;; <>, <<a@b>>, "a" <b@c> d, a@b@c, (x(y)z) q@r, "\\"" <s@t>, :a@b;, g:g2:h@i;;, @a,@b:c@d, =?utf-8?Q?a?= <e@f', 'Cc: undisclosed-recipients:;', 'Reply-To: <', 'Sender: >'], 'x');
add('10,000 people', [`To: ${times(10000, (i) => `p${i}@odd.example`).join(',\r\n ')}`], 'x');
add('groups in groups', [`To: ${'g:'.repeat(3000)}a@b${';'.repeat(3000)}`], 'x');
add('comments in comments', [`To: ${'('.repeat(5000)}a@b${')'.repeat(5000)}`, `Date: ${'('.repeat(5000)}`], 'x');
for (const date of ['', 'x', '0', '-1', 'Mon, 99 Zzz 99999 99:99:99 +9999', '1 Jan 1 00:00', '31 Dec 292277026596 00:00:00 +0000', 'Thu, 1 Jan 1970 00:00:00 -0000 (x', '1/1/1', '9'.repeat(3000)]) add(`date ${date.slice(0, 30)}`, [`Date: ${date}`], date);
for (const id of ['', '<', '<>', '<a@b', 'a@b', '<a b@c>', `<${'a'.repeat(2000)}@b>`, '<\xff@b>', '<a@b><c@d>']) add(`id ${id.slice(0, 30)}`, [`Message-ID: ${id}`, `In-Reply-To: ${id}`, `References: ${id.repeat(20)}`], `id ${id.length}`);

// Contents.
const base64 = (what, ...lines) => add(`base64 ${what}`, [mixed()], '--b', 'Content-Type: application/pdf; name=a.pdf', 'Content-Transfer-Encoding: base64', '', ...lines, '--b--');
base64('with garbage', 'SG!Vs\tbG8 *s I Hdv', '\xff\xfe', 'cmxk');
base64('padded in the middle', 'SGVs', 'bG8=', 'IHdv', 'cmxk==', 'IQ==', '====');
base64('cut', 'SGVsbG8gd29ybG');
base64('in one line', noise(40000, 7).toString('base64'));
base64('a character a line', ...Buffer.from('hello world').toString('base64'));
base64('empty', '', '');
add('quoted-printable broken', ['Content-Transfer-Encoding: quoted-printable'], '=', '==', '=4', '=zz =0', `${'='.repeat(2000)}`, '=0D=0A=00', 'a= ', 'b=\t', `x${' '.repeat(3000)}`, '=');
add('uuencode in the text', [], 'begin 644 a.txt', '#0V%T', '`', 'end', 'begin 0 ', 'M', 'end', 'begin-base64 644 x', 'YQ==', '====');
add('yenc', [], '=ybegin line=128 size=11 name=x.bin', '\x92\x8f\x96\x96\x99J\xa1\x99\x9c\x96\x8e'.replace(/[\r\n\0]/g, 'x'), '=yend size=11 crc32=0d4a1185');
for (let i = 0; i < 8; i++) raw(`noise ${i}`, bytes(noise(5000, i).toString('latin1').replace(/[\0\r\n]/g, (c) => (c === '\0' ? 'x' : '\r\n'))));
for (let i = 0; i < 4; i++) add(`noise ${i} in a part`, [mixed()], '--b', 'Content-Transfer-Encoding: binary', 'Content-Type: application/octet-stream', '', noise(5000, 99 + i).toString('latin1').replace(/[\0\r\n]/g, ' '), '--b--');
/** A winmail.dat with two files, a text, and the same in HTML. */
export const tnef = Buffer.from('789f3e220100010790060008000000e3040000000000000000010c8002000a00000054686520746578742e0000000103900600a8000000060000000300de3fe9fd00004000060e31323334353637381e000180070707070707070707070707070707070100000006000000610061000000000001000000060000006e616d65640000000300028007070707070707070707070707070707000000000500000031323334031004800707070707070707070707070707070700000000050000000200000001000000020000000201131001000000070000003c703e48544d4c00000002029006000600000072656e646572000002108001000700000061e02e747874000000020f8006000a00000066697273742066696c65000002029006000600000072656e6465720000020590060098000000060000000b00fe7f010000001f00073701000000120000006c00e9006e0067002e00700064006600000000001e000e3701000000100000006170706c69636174696f6e2f706466001e001237010000000500000063406964000000000d0001370100000018000000303132333435363738396162636465663c6f626a6563743e1e100437010000000a000000616761696e2e7478740000000000', 'hex');
add('winmail.dat', [mixed()], '--b', 'Content-Type: application/ms-tnef; name=winmail.dat', 'Content-Transfer-Encoding: base64', '', tnef.toString('base64'), '--b--');
for (let i = 0; i < 30; i++) {
  const bad = Buffer.concat([tnef, noise(200, i)]);
  for (let k = 0; k < 3; k++) bad[6 + (noise(4, i * 31 + k).readUInt32LE() % (bad.length - 6))] = noise(1, i + k)[0];
  add(`winmail.dat ${i} damaged`, ['Content-Type: application/ms-tnef', 'Content-Transfer-Encoding: base64'], bad.toString('base64'));
}
add('S/MIME', ['Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m', 'Content-Transfer-Encoding: base64'], noise(600, 3).toString('base64'));
add('PGP', [], '-----BEGIN PGP MESSAGE-----', '', noise(600, 4).toString('base64'), '=abcd', '-----END PGP MESSAGE-----');
add('a report', ['Content-Type: multipart/report; report-type=delivery-status; boundary=b', 'Auto-Submitted: auto-replied'], '--b', '', 'failed', '--b', 'Content-Type: message/delivery-status', '', 'Reporting-MTA: dns; x', '', 'Final-Recipient: rfc822; a@b', 'Action: failed', 'Status: 5.1.1', '', '--b', 'Content-Type: text/rfc822-headers', '', 'Subject: y', '--b--');
add('a notification', ['Content-Type: multipart/report; report-type=disposition-notification; boundary=b'], '--b', '', 'read', '--b', 'Content-Type: message/disposition-notification', '', 'Disposition: manual-action/MDN-sent-manually; displayed', '--b--');
add('a calendar', ['Content-Type: text/calendar; method=REQUEST; charset=utf-8'], 'BEGIN:VCALENDAR', 'BEGIN:VEVENT', `SUMMARY:${high}`, 'END:VEVENT', 'END:VCALENDAR');
add('entities', ['Content-Type: text/html'], '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>', '&b;&#0;&#xD800;&#x110000;&#99999999999;&amp;&lt;&unknown;&', '<![CDATA[x]]><?php x ?><!-- -- --><a href="&#106;avascript:x">y</a>');
add('a page of 100,000 tags', ['Content-Type: text/html'], times(5000, () => '<div><b><a href=x><table><tr><td>').join('\r\n'));
add('dots', [], '.', '..', '.a', '...', '', '.');

// What SMTP itself refuses.
raw('a NUL', 'Subject: x\r\n\r\na\0b\r\n', 550);
raw('a bare CR', 'Subject: x\r\n\r\na\rb\r\n', 550);
raw('51 hops', `${times(51, (i) => `Received: from a${i} by b${i}; Mon, 1 Jan 2024 00:00:00 +0000\r\n`).join('')}\r\nx\r\n`, 554);
raw('a header over its limit', `${times(300, (i) => `X-${i}: ${'y'.repeat(990)}\r\n`).join('')}\r\nx\r\n`, 554);

/** [what it is, its bytes, the code that answers it]. */
export const nastyMail = all;

if (import.meta.url.endsWith(process.argv[1] ?? '-')) {
  fs.mkdirSync(process.argv[2], { recursive: true });
  nastyMail.forEach(([, data], i) => data.length < 20000 && fs.writeFileSync(path.join(process.argv[2], `nasty-${i}`), data));
}
