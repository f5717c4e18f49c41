// A gateway to test against: the real binary with a configuration of our own, and a listener on loopback that stands for
// the systems of the parties. Everybody in it is invented.
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const person = '11064700342';
export const systemFNR = 'urn:oid:2.16.578.1.12.4.1.4.1';
const token = (party) => `clients-test-token-${party}`;

// waitFor asks until an answer is true; what it waited for stands in the error.
export async function waitFor(what, ask, seconds = 180) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const got = await ask();
    if (got) return got;
    if (Date.now() > end) throw new Error(`waited ${seconds} s for ${what}`);
    await new Promise((r) => setTimeout(r, 20));
  }
}

// listener keeps every body that is posted to it, by path.
async function listener() {
  const got = [];
  const server = createServer((req, res) => {
    const parts = [];
    req.on('data', (d) => parts.push(d));
    req.on('end', () => {
      got.push({ path: req.url, type: req.headers['content-type'] || '', auth: req.headers.authorization || '', body: Buffer.concat(parts).toString('utf8') });
      res.writeHead(200).end();
    });
  });
  await new Promise((r) => server.listen(0, '127.0.0.1', r));
  return { got, url: `http://127.0.0.1:${server.address().port}`, close: () => { server.closeAllConnections(); server.close(); } };
}

// start runs the binary and waits until it is ready.
export async function start(binary) {
  const far = await listener();
  const dir = mkdtempSync(join(tmpdir(), 'samvirke-clients-'));
  const party = (id, role, her, more) => `  - {id: ${id}, name: ${id}, role: ${role}, her: [${her.map((h) => `"${h}"`)}], token: ${token(id)}, endpoint: {url: "${far.url}/${id}", token: out-${id}-0123456789, timeout: 5m}, receipts: none, ${more}}\n`;
  writeFileSync(join(dir, 'patients.csv'), `identifier,municipality,gp\n${person},9901,gp\n`);
  writeFileSync(join(dir, 'samvirke.yaml'), `listen: 127.0.0.1:0\ndata_dir: ${join(dir, 'store')}\nenvironment: test\npatients: ${join(dir, 'patients.csv')}\nparties:\n`
    + party('hospital', 'hospital', ['8140001', '8140002'], 'accepts: [{format: kith}]')
    + party('municipality', 'municipality', ['8140101', '8140102', '8140103'], 'municipality: "9901", roles: [coordinator], accepts: [{format: kith}]')
    + party('gp', 'gp', ['8140201', '8140202'], 'accepts: [{format: fhir-notification}]')
    + party('stranger', 'other', ['8140901'], 'accepts: [{format: fhir}]')
    + 'routes:\n  - {name: addressees, to: [addressees]}\n  - {name: gp, to: [gp]}\n');
  const child = spawn(binary, ['run', '--config', join(dir, 'samvirke.yaml')], { stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  let ended = false;
  child.stdout.on('data', (d) => { log += d; });
  child.stderr.on('data', (d) => { log += d; });
  const exit = new Promise((r) => child.on('exit', () => { ended = true; r(); }));
  // The system gives it a port of its own, which stands in its log: one that is looked for before may be taken by then.
  const port = await waitFor('the gateway', () => {
    if (ended) throw new Error(`the gateway ended:\n${log}`);
    return log.match(/\blisten"?[=:]"?127\.0\.0\.1:(\d+)[\s"]/)?.[1];
  });
  const root = `http://127.0.0.1:${port}`;
  await waitFor('the gateway to be ready', () => {
    if (ended) throw new Error(`the gateway ended:\n${log}`);
    return fetch(`${root}/readyz`).then((r) => r.ok, () => false);
  });
  const idle = async () => {
    const text = await fetch(`${root}/metrics`).then((r) => r.text());
    return !text.split('\n').some((l) => /^samvirke_(deliveries_waiting|messages_unprocessed)/.test(l) && !/ 0$/.test(l.trim()));
  };
  return {
    root, base: `${root}/fhir`, far: far.got, farURL: far.url, token, log: () => log,
    // settle waits until nothing is under way.
    async settle() { for (let quiet = 0; quiet < 3;) quiet = await waitFor('the gateway to be idle', idle) ? quiet + 1 : 0; },
    async post(from, file, type) {
      const r = await fetch(`${root}/messages`, { method: 'POST', body: readFileSync(file), headers: { 'Content-Type': type, Authorization: `Bearer ${token(from)}` } });
      if (r.status !== 202) throw new Error(`${file}: ${r.status} ${await r.text()}`);
    },
    async stop() {
      child.kill('SIGINT');
      await exit;
      far.close();
      rmSync(dir, { recursive: true, force: true });
      return child.exitCode;
    },
  };
}
