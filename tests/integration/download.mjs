// download.mjs: files out of the portal: whole, in ranges, broken off and resumed, many at
// once, and not at all where the store was changed.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs/promises';
import https from 'node:https';
import { startInstallation } from '../lib/installation.mjs';
import { descendants, descriptors, sleep, until } from '../lib/process.mjs';
import { sendMail } from '../lib/smtp.mjs';
import { signIn, messageIds } from '../lib/road.mjs';

const MIB = 1024 * 1024;
const HOST = 'acme.localhost';
let inst;
let reader; // of the messages; signed in
let small; // { id, file, path, raw }
let large;

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** A message with one file: base64 in lines of 76. */
function withFile(file, subject) {
  const head = Buffer.from(['From: alice@acme.example', 'To: admin@acme.example', `Subject: ${subject}`,
    'MIME-Version: 1.0', 'Content-Type: multipart/mixed; boundary="cut-here"', '', '--cut-here', '', 'Attached.',
    '--cut-here', 'Content-Type: application/octet-stream; name="file.bin"',
    'Content-Disposition: attachment; filename="file.bin"', 'Content-Transfer-Encoding: base64', '', ''].join('\r\n'));
  const text = file.toString('base64').replace(/.{1,76}/g, '$&\r\n');
  return Buffer.concat([head, Buffer.from(text), Buffer.from('--cut-here--\r\n')]).toString('latin1');
}

async function send(size, subject) {
  const file = randomBytes(size);
  const reply = await sendMail(inst, { from: 'alice@acme.example', to: 'admin@acme.example', data: withFile(file, subject) });
  assert.equal(reply.code, 250, reply.text);
  const [id] = messageIds((await reader.go('/inbox')).text);
  const page = await reader.go(`/message/${id}`);
  const path = page.text.match(/\/message\/[0-9a-f-]+\/part\/\d+/)[0];
  return { id, file, path, raw: `/message/${id}/raw` };
}

/**
 * Asks, and reads `limit` bytes (all without it), then breaks the connection off when there
 * are more. `each` is awaited with every piece. Gives { status, headers, body, whole }.
 */
function get(path, { headers = {}, method = 'GET', limit = Infinity, each, keep = true } = {}) {
  const cookie = [...reader.cookies].map((pair) => pair.join('=')).join('; ');
  return new Promise((resolve, reject) => {
    const request = https.request({ host: inst.host, port: inst.ports.HTTPS_PORT, servername: HOST, ca: inst.ca,
      agent: false, method, path, headers: { host: `${HOST}:${inst.ports.HTTPS_PORT}`, cookie, ...headers } });
    request.on('error', reject).on('response', async (response) => {
      const hash = createHash('sha256');
      const parts = [];
      let got = 0;
      let whole = true;
      try {
        for await (const piece of response) {
          got += piece.length;
          hash.update(piece);
          if (keep) parts.push(piece);
          await each?.(got);
          if (got >= limit) { whole = false; break; }
        }
      } catch { whole = false; }
      request.destroy();
      resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(parts), got,
        whole: whole && response.complete, sha256: hash.digest('hex') });
    }).end();
  });
}

const events = async (id) => Number((await inst.rows(
  `SELECT count(*) FROM event WHERE kind = 10 AND message_id = '${id}'`))[0][0]);
/** Events come a moment after the last byte. */
const eventsAre = (id, n) => until(async () => (await events(id)) === n, { what: `${n} downloads of ${id}` });

/** The portal's worker: what it holds now. */
async function worker() {
  const [pid] = await descendants(await inst.pid('portal'));
  const status = await fs.readFile(`/proc/${pid}/status`, 'utf8');
  const number = (name) => Number(status.match(new RegExp(`^${name}:\\s+(\\d+)`, 'm'))[1]);
  return { pid, rss: number('VmRSS') * 1024, threads: number('Threads'),
    fds: await descriptors(pid) };
}

before(async () => {
  inst = await startInstallation();
  reader = await signIn(inst, HOST, 'admin@acme.example');
  small = await send(1_000_003, 'Small');
  large = await send(35 * MIB, 'Large');
});
after(() => inst?.stop());

test('a whole file, and the whole message', async () => {
  const file = await get(small.path);
  assert.equal(file.status, 200);
  assert.equal(file.headers['content-length'], String(small.file.length));
  assert.equal(file.headers['accept-ranges'], 'bytes');
  assert.equal(file.headers['cache-control'], 'no-store');
  assert.equal(file.headers['x-content-type-options'], 'nosniff');
  assert.match(file.headers['content-security-policy'], /sandbox/);
  assert.match(file.headers['content-disposition'], /^attachment; filename="file\.bin"$/);
  assert.match(file.headers.etag, /^"[0-9a-f]{64}"$/);
  assert.ok(file.whole && file.body.equals(small.file));
  await eventsAre(small.id, 1);
  const raw = await get(small.raw);
  assert.equal(raw.headers['content-type'], 'message/rfc822');
  assert.notEqual(raw.headers.etag, file.headers.etag);
  assert.ok(raw.whole && raw.body.includes('Subject: Small\r\n'));
  assert.equal(raw.body.length, Number(raw.headers['content-length']));
  await eventsAre(small.id, 2);
  const page = await reader.go(`/message/${small.id}/track`);
  assert.equal(page.status, 404, 'only the sender sees who has read');
});

test('ranges and conditions, case by case', async () => {
  const { file, path } = small;
  const n = file.length;
  const { etag } = (await get(path, { method: 'HEAD' })).headers;
  const cases = [
    [{ range: 'bytes=0-0' }, 206, 0, 1],
    [{ range: 'bytes=0-' }, 206, 0, n],
    [{ range: 'bytes=65535-65536' }, 206, 65535, 2],
    [{ range: 'bytes=524287-524289' }, 206, 524287, 3],
    [{ range: `bytes=${n - 1}-` }, 206, n - 1, 1],
    [{ range: 'bytes=-7' }, 206, n - 7, 7],
    [{ range: `bytes=-${n + 5}` }, 206, 0, n],
    [{ range: 'bytes=700000-99999999999999999999' }, 206, 700000, n - 700000],
    [{ range: `bytes=${n}-` }, 416],
    [{ range: 'bytes=-0' }, 416],
    [{ range: 'bytes=2-1' }, 200],
    [{ range: 'bytes=0-1,5-6' }, 200],
    [{ range: 'lines=0-1' }, 200],
    [{ range: 'bytes=5-9', 'if-range': etag }, 206, 5, 5],
    [{ range: 'bytes=5-9', 'if-range': '"other"' }, 200],
    [{ range: 'bytes=5-9', 'if-range': `W/${etag}` }, 200],
    [{ range: 'bytes=5-9', 'if-range': 'Fri, 20 Nov 2026 13:58:00 GMT' }, 200],
    [{ 'if-none-match': etag }, 304],
    [{ 'if-none-match': `"a", W/${etag}` }, 304],
    [{ 'if-none-match': '"a"' }, 200],
    [{ 'if-match': '"a"' }, 412],
    [{ 'if-match': etag, range: 'bytes=5-9' }, 206, 5, 5],
  ];
  for (const [headers, status, first, length] of cases) {
    const said = JSON.stringify(headers);
    const answer = await get(path, { headers });
    assert.equal(answer.status, status, said);
    assert.ok(answer.whole, said);
    assert.equal(answer.headers.etag, etag, said);
    if (status === 206) {
      assert.equal(answer.headers['content-range'], `bytes ${first}-${first + length - 1}/${n}`, said);
      assert.equal(answer.headers['content-length'], String(length), said);
      assert.ok(answer.body.equals(file.subarray(first, first + length)), said);
    } else if (status === 200) {
      assert.equal(answer.headers['content-range'], undefined, said);
      assert.ok(answer.body.equals(file), said);
    } else {
      assert.equal(answer.body.length, 0, said);
      assert.equal(answer.headers['content-range'], status === 416 ? `bytes */${n}` : undefined, said);
    }
  }
});

test('HEAD says what would come, and is no download', async () => {
  const before = await events(small.id);
  for (const headers of [{}, { range: 'bytes=0-0' }]) {
    const head = await get(small.path, { method: 'HEAD', headers });
    assert.equal(head.status, 200);
    assert.equal(head.headers['content-length'], String(small.file.length));
    assert.equal(head.headers['accept-ranges'], 'bytes');
    assert.equal(head.body.length, 0);
  }
  await sleep(500);
  assert.equal(await events(small.id), before);
});

test('a broken download is no receipt; resumed it is one, and the same file', async () => {
  const begun = await get(large.path, { limit: 10 * MIB });
  assert.equal(begun.status, 200);
  assert.ok(!begun.whole && begun.got < large.file.length);
  await sleep(500);
  assert.equal(await events(large.id), 0, 'broken off');
  const rest = await get(large.path, { headers: { range: `bytes=${begun.got}-`, 'if-range': begun.headers.etag } });
  assert.equal(rest.status, 206);
  assert.equal(sha256(Buffer.concat([begun.body, rest.body])), sha256(large.file));
  await eventsAre(large.id, 1);
  // The end of the file alone, in a session that has had nothing else of it.
  const session = reader;
  reader = await signIn(inst, HOST, 'admin@acme.example');
  assert.equal((await get(large.path, { headers: { range: 'bytes=1000-' } })).status, 206);
  await sleep(500);
  assert.equal(await events(large.id), 1, 'all but its beginning');
  // The control: all of it counts there, too.
  assert.equal((await get(large.path)).sha256, sha256(large.file));
  await eventsAre(large.id, 2);
  reader = session;
});

test('the sender\'s own downloads are nobody\'s receipt', async () => {
  const before = await events(small.id);
  const session = reader;
  reader = await signIn(inst, HOST, 'alice@acme.example');
  assert.ok((await get(small.path)).body.equals(small.file));
  await sleep(500);
  assert.equal(await events(small.id), before);
  reader = session;
});

test('ten at once, read slowly, need no more memory than their blocks', async () => {
  await get(large.path, { keep: false });
  const idle = await worker();
  const size = large.file.length;
  let most = 0;
  let under = true;
  const watch = (async () => {
    while (under) {
      most = Math.max(most, (await worker()).rss);
      await sleep(20);
    }
  })();
  // All of them stand still half way.
  const each = (got) => (got > size / 2 && got < size / 2 + 40000 ? sleep(300) : undefined);
  const all = await Promise.all(Array.from({ length: 10 }, (_, i) => get(i % 2 ? large.path : large.raw, { keep: false, each })));
  under = false;
  await watch;
  assert.ok(all.every(({ status, whole }) => status === 200 && whole));
  const files = all.filter((_, i) => i % 2);
  assert.ok(files.every(({ sha256: got }) => got === sha256(large.file)));
  assert.equal((await worker()).pid, idle.pid);
  // Held in memory these ten would be 400 MiB.
  assert.ok(most - idle.rss < 48 * MIB, `${Math.round((most - idle.rss) / MIB)} MiB above idle`);
});

test('downloads that are cancelled leave nothing behind', async () => {
  await get(large.path, { limit: MIB });
  await sleep(300);
  const before = await worker();
  const downloads = await events(large.id);
  for (let round = 0; round < 4; round += 1) {
    await Promise.all(Array.from({ length: 10 }, (_, i) => get(large.path, { limit: 100 + i * MIB, keep: false })));
  }
  const now = await until(async () => {
    const w = await worker();
    return w.fds <= before.fds && w;
  }, { what: 'descriptors as before' });
  assert.equal(now.pid, before.pid);
  assert.equal(now.threads, before.threads);
  assert.ok(now.rss - before.rss < 32 * MIB, `${Math.round((now.rss - before.rss) / MIB)} MiB more`);
  const [[open]] = await inst.rows(`SELECT count(*) FROM pg_stat_activity
    WHERE usename = 'restante_portal' AND state <> 'idle'`);
  assert.equal(open, '0', 'no transaction is left open');
  assert.equal(await events(large.id), downloads);
  assert.equal((await get(large.path)).sha256, sha256(large.file), 'and the next one is served');
});

const flip = (id, seq) => inst.rows(`UPDATE chunk SET data = set_byte(data, 99, get_byte(data, 99) # 1)
  WHERE message_id = '${id}' AND seq = ${seq}`);

test('a changed chunk is not served: the answer is cut before it', async () => {
  const before = await events(large.id);
  await flip(large.id, 100);
  const cut = await get(large.raw);
  await flip(large.id, 100);
  assert.equal(cut.status, 200);
  assert.ok(!cut.whole, 'cut');
  assert.ok(cut.got <= 100 * 65536, `${cut.got} bytes came`);
  const whole = await get(large.raw);
  assert.ok(whole.whole, 'the control: as it was it is served');
  assert.ok(whole.body.subarray(0, cut.got).equals(cut.body), 'and what came before was right');
  await eventsAre(large.id, before + 1);
  const [[last]] = await inst.rows(`SELECT max(seq) FROM chunk WHERE message_id = '${large.id}'`);
  await flip(large.id, last);
  const none = await get(large.path, { headers: { range: 'bytes=0-0' } });
  await flip(large.id, last);
  assert.equal(none.status, 500, 'the last chunk is looked at before any other');
  assert.equal(await events(large.id), before + 1);
});
