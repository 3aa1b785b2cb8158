// postfix.mjs: a private Postfix on loopback for comparison: it queues to disk with its
// usual fsync, then throws the mail away. Root only, as Postfix wants it.
import fs from 'node:fs/promises';
import path from 'node:path';
import os from 'node:os';
import { must, run, until } from '../../lib/process.mjs';
import { listening } from '../../lib/installation.mjs';

const settings = (dir) => `compatibility_level = 3.6
queue_directory = ${dir}/spool
data_directory = ${dir}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = peer.example
mydestination =
alias_maps =
local_recipient_maps =
transport_maps = static:discard:
mynetworks = 127.0.0.0/8
smtpd_recipient_restrictions = permit_mynetworks, reject
smtpd_client_connection_count_limit = 0
smtpd_peername_lookup = no
in_flow_delay = 0
default_process_limit = 300
message_size_limit = 104857600
smtpd_tls_security_level = may
smtpd_tls_cert_file = ${dir}/cert
smtpd_tls_key_file = ${dir}/key
maillog_file = ${dir}/log
maillog_file_prefixes = ${dir}
`;

/** Starts it on a port; gives { pid, spool, stop() }. */
export async function startPostfix(port) {
  const dir = await fs.mkdtemp(path.join(os.tmpdir(), 'postfix-'));
  await fs.chmod(dir, 0o755);
  for (const name of ['etc', 'spool', 'data']) await fs.mkdir(path.join(dir, name));
  await must('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
    '-subj', '/CN=peer.example', '-keyout', path.join(dir, 'key'), '-out', path.join(dir, 'cert')]);
  await must('chown', ['postfix', path.join(dir, 'data')]);
  await fs.writeFile(path.join(dir, 'etc/main.cf'), settings(dir));
  const usual = await fs.readFile('/usr/share/postfix/master.cf.dist', 'utf8');
  const services = usual.split('\n').filter((line) => line && !/^[#\s]/.test(line))
    .map((line) => line.split(/\s+/))
    .map((f) => (f[0] === 'smtp' && f[1] === 'inet' ? [`127.0.0.1:${port}`, ...f.slice(1)] : f))
    .map((f) => [...f.slice(0, 4), 'n', ...f.slice(5)].join(' '));
  await fs.writeFile(path.join(dir, 'etc/master.cf'), `${services.join('\n')}\n`);
  for (const name of ['dynamicmaps.cf', 'dynamicmaps.cf.d', 'postfix-files', 'postfix-files.d']) {
    await run('cp', ['-r', `/etc/postfix/${name}`, path.join(dir, 'etc')]);
  }
  await must('postfix', ['-c', path.join(dir, 'etc'), 'start']);
  await until(() => listening(port), { what: 'Postfix listens' });
  return {
    spool: path.join(dir, 'spool'),
    pid: Number(await fs.readFile(path.join(dir, 'spool/pid/master.pid'), 'utf8')),
    async stop() {
      await run('postfix', ['-c', path.join(dir, 'etc'), 'stop']);
      await fs.rm(dir, { recursive: true, force: true });
    },
  };
}
