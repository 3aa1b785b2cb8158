// http_smuggle.mjs: the portal behind HAProxy and nginx, which keep one connection to it
// and put everybody's requests on it. Requests that two readers could cut differently
// (tests/lib/mutations.mjs) are sent through; if front and portal ever disagreed, the next
// person's answer would be another's, and the portal would log a request no front sent.
// Control: the same before a backend of few lines that is easy-going about framing.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import tls from 'node:tls';
import fs from 'node:fs/promises';
import path from 'node:path';
import { startInstallation, freePorts } from '../lib/installation.mjs';
import { startHaproxy, startNginx } from '../lib/fronts.mjs';
import { mutations } from '../lib/mutations.mjs';
import { sleep } from '../lib/process.mjs';
import { Wire, parseAnswer } from '../lib/wire.mjs';

let inst;
let sloppy;
before(async () => {
  inst = await startInstallation();
  sloppy = await sloppyBackend();
});
after(async () => {
  await sloppy?.stop();
  await inst?.stop();
});

const HOST = 'Host: acme.localhost\r\n';

/**
 * What the portal must not be: ends lines at a bare LF, takes any coding that says
 * "chunked" before any length, and reads no body for pages that need none.
 */
async function sloppyBackend() {
  const read = async (name) => fs.readFile(path.join(inst.state, 'tls', name));
  const seen = [];
  const server = tls.createServer({ key: await read('server.key'), cert: await read('server.pem') }, (socket) => {
    let text = '';
    socket.on('error', () => {}).on('data', (data) => {
      text += data.toString('latin1');
      for (;;) {
        const end = text.match(/\r?\n\r?\n/);
        if (!end) return;
        const head = text.slice(0, end.index);
        const target = head.split(' ')[1];
        let at = end.index + end[0].length;
        if (/\n\s*transfer.encoding\s*:[^\n]*chunked/i.test(head)) {
          const over = text.slice(at).search(/0\r?\n\r?\n/);
          if (over < 0) return;
          at += over + text.slice(at + over).match(/0\r?\n\r?\n/)[0].length;
        } else if (target === '/login') {
          at += parseInt(head.match(/\n\s*content.length\s*:\s*(\d+)/i)?.[1] ?? 0, 10);
        }
        if (text.length < at) return;
        text = text.slice(at);
        seen.push(target);
        const body = target === '/healthz' ? 'ok\n' : target === '/robots.txt' ? 'User-agent: *\nDisallow: /\n' : 'none\n';
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${/^HEAD/.test(head) ? '' : body}`);
      }
    });
  });
  await new Promise((done) => { server.listen(0, '127.0.0.1', done); });
  return { port: server.address().port, seen, stop: () => new Promise((done) => { server.close(done); server.closeAllConnections?.(); }) };
}

// ---- the fronts: one connection to the backend, shared by all ----

const haproxy = (lax) => async (backend) => {
  const [port] = await freePorts(1);
  return startHaproxy({ port, config: `
global
  log stdout format raw local0
  maxconn 500
defaults
  mode http
  timeout connect 5s
  timeout client 10s
  timeout server 10s
  timeout queue 10s
  timeout http-keep-alive 10s
  log global
  log-format "sent %ST %ts %HM %HU"
  ${lax ? 'option accept-invalid-http-request\n  option accept-invalid-http-response' : ''}
frontend in
  bind 127.0.0.1:${port}
  default_backend portal
backend portal
  http-reuse always
  server one 127.0.0.1:${backend} ssl verify none sni str(acme.localhost) maxconn 1
` });
};

const nginx = (lax) => async (backend) => {
  const [port] = await freePorts(1);
  return startNginx({ port, http: `
log_format sent "sent $upstream_status $status $request";
access_log @DIR@/log sent;
upstream portal { server 127.0.0.1:${backend} max_conns=1; keepalive 1; keepalive_requests 100000; }
${lax ? 'ignore_invalid_headers off; underscores_in_headers on; merge_slashes off;' : ''}
server {
  listen 127.0.0.1:${port};
  client_max_body_size 0;
  location / {
    proxy_pass https://portal;
    proxy_http_version 1.1;
    proxy_set_header Host acme.localhost;
    proxy_set_header Connection "";
    proxy_ssl_name acme.localhost;
    proxy_ssl_server_name on;
    proxy_next_upstream off;
    ${lax ? 'proxy_request_buffering off;' : ''}
  }
}
` });
};

const fronts = [
  ['HAProxy', haproxy(false)], ['HAProxy that lets odd requests pass', haproxy(true)],
  ['nginx', nginx(false)], ['nginx that lets odd requests pass', nginx(true)],
];

// ---- the detector ----

const victim = `GET /healthz HTTP/1.1\r\n${HOST}\r\n`;
/** What somebody else gets who asks for /healthz now: "ok", or what it was instead. */
async function askNext(front) {
  const wire = await Wire.open(front);
  try {
    const answer = await wire.send(victim).answer({ timeout: 4000 });
    if (!answer) return wire.closed ? 'closed' : 'nothing';
    if (answer.status === 200 && answer.body.toString() === 'ok\n') {
      const more = await wire.answer({ timeout: 5 });
      return more ? `ok and then ${more.status}` : 'ok';
    }
    return `${answer.status} ${JSON.stringify(answer.body.toString('latin1', 0, 40))}`;
  } finally {
    wire.close();
  }
}

/** Sends one mutation; the answers that came back at once. */
async function attack(front, bytes) {
  const wire = await Wire.open(front);
  wire.send(bytes);
  await wire.wait(() => {
    try {
      return wire.closed || parseAnswer(wire.bytes, { closed: true }) ? true : undefined;
    } catch {
      return true;
    }
  }, 150);
  // On its own connection it may ask for what it likes; only what others get counts.
  wire.send(victim);
  await wire.wait(() => wire.closed || undefined, 15);
  return wire;
}

/** Mutations after which somebody else's answer was not theirs: [[name, what]]; right: how many were. */
async function detect(front, list) {
  const found = [];
  found.right = 0;
  for (const [, name, bytes] of list) {
    const wire = await attack(front, bytes);
    const first = await askNext(front);
    wire.close();
    const second = await askNext(front);
    found.right += (first === 'ok') + (second === 'ok');
    // A front may hold the one connection as long as the first client says it sends more;
    // and it may lose a request to a close of the portal: it says so itself.
    const others = first === 'nothing' ? [second] : [first, second];
    for (const got of others) if (got !== 'ok' && !/^50[234] /.test(got)) found.push([name, got]);
  }
  return found;
}

/** What the portal says it was asked, by route; and what a front says it has passed on. */
async function robotsSeen() {
  return (await inst.log('portal')).split('\n').filter((line) => /"event":"request".*"route":"robots"/.test(line)).length;
}
const robotsSent = async (front) => (await front.lines())
  .filter((line) => /^sent [\d-]/.test(line) && !/^sent - /.test(line) && / \/robots\.txt( |$)/.test(line)).length;

const all = mutations();
const sample = all.filter(([family], i) => ['CL.0', 'CL.TE', 'TE.CL', 'CL of GET'].includes(family) && i % 4 === 0);

test('the family is large', () => {
  assert.ok(all.length > 400, String(all.length));
  for (const family of ['CL.TE', 'TE.CL', 'TE.TE', 'CL.0', '0.CL', 'CL.CL', 'chunks', 'Expect', 'version']) {
    assert.ok(all.some(([name]) => name === family), family);
  }
});

for (const [name, make] of fronts) {
  test(`${name} before an easy-going backend: the detector sees it (control)`, async () => {
    const front = await make(sloppy.port);
    try {
      assert.equal(await askNext(front), 'ok');
      const found = await detect(front, sample);
      assert.ok(found.length > 0, 'nothing was found');
      assert.ok(found.some(([, got]) => /User-agent/.test(got)), 'nobody got the hidden answer');
    } finally {
      await front.stop();
    }
  });
}

test('through the fronts to the portal: every answer belongs to its request', { timeout: 500000 }, async () => {
  const running = [];
  try {
    for (const [name, make] of fronts) running.push([name, await make(inst.ports.HTTPS_PORT)]);
    const before = await robotsSeen();
    const results = await Promise.all(running.map(async ([name, front]) => {
      assert.equal(await askNext(front), 'ok', name);
      const found = await detect(front, all);
      assert.ok(found.right > 1.9 * all.length, `${name}: only ${found.right} answers of ${2 * all.length}`);
      return found.map(([mutation, got]) => `${name}: ${mutation}: somebody else got ${got}`);
    }));
    const found = results.flat();
    assert.equal(found.length, 0, `${found.length} times:\n${found.slice(0, 40).join('\n')}`);
    // Requests cut in two would be in the portal's log and in no front's.
    await sleep(500);
    const sent = (await Promise.all(running.map(([, front]) => robotsSent(front)))).reduce((sum, n) => sum + n, 0);
    const seen = await robotsSeen() - before;
    console.log(`hidden requests: the fronts sent ${sent}, the portal saw ${seen}`);
    assert.ok(sent > 0 && seen > 0, 'the fronts passed none of the hidden requests that are simply pipelined');
    assert.ok(seen <= sent, `the portal saw ${seen} hidden requests, the fronts sent ${sent}`);
  } finally {
    for (const [, front] of running) await front.stop();
  }
});
