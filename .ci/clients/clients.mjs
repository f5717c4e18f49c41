// Drives the REST API and the subscriptions of the real binary with FHIR clients that nobody here wrote: fhir-kit-client and
// fhirclient. Every resource that is served or sent is judged by the npm package fhir and by the JSON schema of R4.
//
//   node clients.mjs PATH/TO/samvirke ROOT
//
// ROOT is the repository. The last line reads "N passed, M failed"; the exit code is 1 when anything failed.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { CapabilityTool, Client } from 'fhir-kit-client';
import { person, start, systemFNR, waitFor } from './gateway.mjs';
import { judges } from './validate.mjs';
import { subscriptions } from './subscriptions.mjs';

const require = createRequire(import.meta.url);
const { FhirClient } = require('fhirclient');

const [binary, root] = process.argv.slice(2);
if (!binary || !root) {
  console.error('usage: node clients.mjs PATH/TO/samvirke ROOT');
  process.exit(64);
}

let passed = 0;
let failed = 0;
const check = (name, ok, detail = '') => {
  if (ok) { passed++; return true; }
  failed++;
  console.log(`FAILED ${name}${detail ? ': ' + detail : ''}`);
  return false;
};
const equal = (name, got, want) => check(name, JSON.stringify(got) === JSON.stringify(want), `${JSON.stringify(got)}, want ${JSON.stringify(want)}`);

const { judge, withSchema, count } = judges(root);
if (!withSchema) console.log('the JSON schema of R4 is not here (SAMVIRKE_SHARED names its folder): resources are judged by npm fhir alone');

// valid judges what a server answered and gives it on.
const valid = (name, resource) => {
  const issues = judge(resource);
  check(`${name} is valid R4`, issues.length === 0, issues.slice(0, 5).join('; '));
  return resource;
};
// refused gives status and OperationOutcome of a call that must fail.
const refused = async (name, call, status, code) => {
  try {
    await call();
    return check(name, false, 'it was taken');
  } catch (e) {
    const data = e.response?.data;
    equal(name, e.response?.status, status);
    if (data?.resourceType !== 'OperationOutcome') return check(`${name}: told why`, false, JSON.stringify(data) || String(e));
    valid(name, data);
    if (code) equal(`${name}: code`, data.issue[0].details.coding[0].code, code);
    return data;
  }
};
const system = 'https://samvirke.github.io/fhir/CodeSystem/function';
const light = (patient, colour, at) => ({
  resourceType: 'Observation', status: 'final', subject: { reference: `Patient/${patient}` }, effectiveDateTime: at,
  code: { coding: [{ system, code: 'traffic-light' }] }, valueCodeableConcept: { coding: [{ system, code: colour }] },
});

async function discovery(kit) {
  const statement = valid('the CapabilityStatement', await kit.capabilityStatement());
  const can = new CapabilityTool(statement);
  equal('FHIR version', statement.fhirVersion, '4.0.1');
  for (const type of ['Patient', 'CarePlan', 'CareTeam', 'Goal', 'ServiceRequest', 'Task', 'Encounter', 'EpisodeOfCare', 'Observation', 'Condition', 'Communication', 'Flag', 'Provenance', 'DocumentReference']) {
    for (const what of ['read', 'search-type', 'vread', 'history-instance']) check(`${type} can ${what}`, can.resourceCan(type, what));
  }
  check('transactions are told of', can.serverCan('transaction'));
  return statement;
}

async function findPerson(kit) {
  const found = valid('the search by identifier', await kit.search({ resourceType: 'Patient', searchParams: { identifier: `${systemFNR}|${person}` }, options: { postSearch: true } }));
  equal('one person', found.entry?.length, 1);
  await refused('a number in a URL', () => kit.search({ resourceType: 'Patient', searchParams: { identifier: `${systemFNR}|${person}` } }), 400);
  return found.entry[0].resource.id;
}

async function reading(kit, patient) {
  for (const type of ['CarePlan', 'CareTeam', 'Goal', 'ServiceRequest', 'Task', 'Encounter', 'Observation', 'Condition', 'Appointment', 'DocumentReference', 'Flag', 'Communication']) {
    valid(`the search for ${type}`, await kit.search({ resourceType: type, searchParams: { patient } }));
  }
  const goals = valid('the search for goals', await kit.search({ resourceType: 'Goal', searchParams: { patient } }));
  equal('goals', goals.total, 2);
  const goal = valid('a goal', await kit.read({ resourceType: 'Goal', id: goals.entry[0].resource.id }));
  equal('read and search agree', goal, goals.entry[0].resource);
  const version = valid('a version', await kit.vread({ resourceType: 'Goal', id: goal.id, version: goal.meta.versionId }));
  equal('vread and read agree', version, goal);
  const history = valid('the history', await kit.resourceHistory({ resourceType: 'Goal', id: goal.id }));
  check('the history begins with what stands', history.type === 'history' && history.entry[0].resource.meta.versionId === goal.meta.versionId);
  // By pages of five to the last one, and every observation once.
  let page = await kit.search({ resourceType: 'Observation', searchParams: { patient, _count: '5' } });
  const ids = [];
  let pages = 0;
  while (page) {
    pages++;
    valid(`page ${pages}`, page);
    ids.push(...(page.entry || []).filter((e) => e.search.mode === 'match').map((e) => e.resource.id));
    check('a page holds at most what was asked', (page.entry || []).length <= 5);
    page = await kit.nextPage({ bundle: page });
  }
  const all = await kit.search({ resourceType: 'Observation', searchParams: { patient, _count: '200' } });
  check('there are several pages', pages > 2, String(pages));
  equal('pages give all, each once', [...new Set(ids)].length, all.total);
  equal('and none twice', ids.length, all.total);
  return goal;
}

async function everything(kit, patient) {
  const all = valid('$everything', await kit.operation({ name: '$everything', resourceType: 'Patient', id: patient, method: 'GET' }));
  const types = new Set(all.entry.map((e) => e.resource.resourceType));
  for (const t of ['Patient', 'CarePlan', 'CareTeam', 'Goal', 'ServiceRequest', 'Task', 'Encounter', 'Observation', 'Condition', 'Appointment', 'Provenance']) check(`$everything has ${t}`, types.has(t));
  for (const e of all.entry) {
    const { resourceType, id, meta } = e.resource;
    const one = await kit.read({ resourceType, id });
    equal(`${resourceType} alone is as in $everything`, one, e.resource);
    if (meta?.versionId) equal(`${resourceType} by version`, (await kit.vread({ resourceType, id, version: meta.versionId })).id, id);
  }
}

async function updating(city, hospital, patient) {
  const mine = await city.read({ resourceType: 'CarePlan', id: patient });
  const next = { ...mine, period: { start: '2026-02-25', end: '2026-04-22' } };
  const tag = { headers: { 'If-Match': `W/"${mine.meta.versionId}"` } };
  await refused('an update without If-Match', () => city.update({ resourceType: 'CarePlan', id: patient, body: next }), 428, 'if-match-required');
  const done = valid('the updated plan', await city.update({ resourceType: 'CarePlan', id: patient, body: next, options: tag }));
  equal('the period', done.period, next.period);
  check('it is a new version', done.meta.versionId !== mine.meta.versionId);
  const outcome = await refused('an update from an old version', () => city.update({ resourceType: 'CarePlan', id: patient, body: { ...mine, period: { start: '2026-03-01' } }, options: tag }), 412, 'version-conflict');
  check('the fields that differ are named', outcome?.issue?.[0]?.expression?.includes('CarePlan.period'), JSON.stringify(outcome));
  equal('the old version can be read', (await city.vread({ resourceType: 'CarePlan', id: patient, version: mine.meta.versionId })).period, mine.period);
  const bad = { ...done, title: 'Made up', intent: 'order' };
  await refused('what is not for writing', () => city.update({ resourceType: 'CarePlan', id: patient, body: bad, options: { headers: { 'If-Match': `W/"${done.meta.versionId}"` } } }), 422, 'not-writable');
  // One's own element, and the same of another.
  const goal = valid('a new goal', await city.create({ resourceType: 'Goal', body: { resourceType: 'Goal', lifecycleStatus: 'active', description: { text: 'Steke lefser' }, subject: { reference: `Patient/${patient}` } } }));
  const better = { ...goal, description: { text: 'Steke lefser med datter' } };
  const changed = valid('the changed goal', await city.update({ resourceType: 'Goal', id: goal.id, body: better, options: { headers: { 'If-Match': `W/"${goal.meta.versionId}"` } } }));
  equal('its text', changed.description.text, better.description.text);
  const before = (await hospital.search({ resourceType: 'ServiceRequest', searchParams: { patient, intent: 'proposal' } })).total;
  valid('the answer to a wish about another\'s element', await hospital.update({ resourceType: 'Goal', id: goal.id, body: { ...changed, description: { text: 'Noe annet' } }, options: { headers: { 'If-Match': `W/"${changed.meta.versionId}"` } } }));
  equal('the element is as its owner wrote it', (await hospital.read({ resourceType: 'Goal', id: goal.id })).description.text, better.description.text);
  equal('there is a proposal more', (await hospital.search({ resourceType: 'ServiceRequest', searchParams: { patient, intent: 'proposal' } })).total, before + 1);
  await city.delete({ resourceType: 'Goal', id: goal.id, options: { headers: { 'If-Match': `W/"${changed.meta.versionId}"` } } });
  const gone = await city.search({ resourceType: 'Goal', searchParams: { patient, _id: goal.id } });
  equal('the withdrawn goal is found no more', gone.total, 0);
}

async function transaction(city, patient) {
  const url = 'urn:uuid:0b6c8f0e-54d4-4b06-9c43-0f4d2a9f7a11';
  const done = valid('the answer to a transaction', await city.transaction({ body: { resourceType: 'Bundle', type: 'transaction', entry: [
    { fullUrl: url, resource: { resourceType: 'Goal', lifecycleStatus: 'active', description: { text: 'Gå til butikken' }, subject: { reference: `Patient/${patient}` } }, request: { method: 'POST', url: 'Goal' } },
    { fullUrl: 'urn:uuid:0b6c8f0e-54d4-4b06-9c43-0f4d2a9f7a12', resource: { resourceType: 'ServiceRequest', status: 'active', intent: 'order', code: { text: 'Turgruppe' }, subject: { reference: `Patient/${patient}` } }, request: { method: 'POST', url: 'ServiceRequest' } },
  ] } }));
  equal('both are made', done.entry.map((e) => e.response.status.slice(0, 3)), ['201', '201']);
  const [type, id] = done.entry[0].response.location.split('/');
  equal('the first can be read', valid('what the transaction made', await city.read({ resourceType: type, id })).description.text, 'Gå til butikken');
  const count = async () => (await city.search({ resourceType: 'Goal', searchParams: { patient } })).total;
  const before = await count();
  await refused('a transaction with a mistake', () => city.transaction({ body: { resourceType: 'Bundle', type: 'transaction', entry: [
    { resource: { resourceType: 'Goal', lifecycleStatus: 'active', description: { text: 'Halvt' }, subject: { reference: `Patient/${patient}` } }, request: { method: 'POST', url: 'Goal' } },
    { resource: { resourceType: 'Goal', description: { text: 'No status' }, subject: { reference: `Patient/${patient}` } }, request: { method: 'POST', url: 'Goal' } },
  ] } }), 400);
  equal('all or nothing', await count(), before);
}

// other drives the second client: what it does by itself is discovery, references and pages.
async function other(g, patient) {
  const smart = new FhirClient(g.base);
  const auth = { headers: { Authorization: `Bearer ${g.token('municipality')}`, Accept: 'application/fhir+json' } };
  equal('fhirclient: release', await smart.getFhirRelease(), 4);
  const plan = valid('fhirclient: the plan', await smart.fhirRequest(`CarePlan/${patient}`, auth));
  const refs = await smart.getReferences(plan, ['subject', 'careTeam'], auth);
  const types = Object.values(refs).map((r) => r.resourceType).sort();
  equal('fhirclient: references lead somewhere', types, ['CareTeam', 'Patient']);
  for (const r of Object.values(refs)) valid('fhirclient: a reference', r);
  let n = 0;
  for await (const page of smart.pages(`Observation?patient=${patient}&_count=4`, auth)) {
    valid('fhirclient: a page', page);
    n += (page.entry || []).length;
  }
  equal('fhirclient: pages give all', n, (await smart.fhirRequest(`Observation?patient=${patient}&_count=200`, auth)).total);
  const made = await smart.create(light(patient, 'green', '2026-03-03T10:00:00+01:00'), { ...auth, headers: { ...auth.headers, 'Content-Type': 'application/fhir+json' } });
  valid('fhirclient: a mark', made);
  equal('fhirclient: what was made', made.valueCodeableConcept.coding[0].code, 'green');
  // The mark itself may be shown with more than it was written with, so it is changed as it was read.
  const changed = await smart.update({ ...made, valueCodeableConcept: { coding: [{ system, code: 'yellow' }] } }, { headers: { ...auth.headers, 'Content-Type': 'application/fhir+json', 'If-Match': `W/"${made.meta.versionId}"` } });
  equal('fhirclient: what was changed', valid('fhirclient: the changed mark', changed).valueCodeableConcept.coding[0].code, 'yellow');
  const stale = await smart.update(made, { headers: { ...auth.headers, 'Content-Type': 'application/fhir+json', 'If-Match': `W/"${made.meta.versionId}"` } }).then(() => 200, (e) => e.status);
  equal('fhirclient: an old version', stale, 412);
}

const g = await start(binary);
try {
  const kit = (party) => new Client({ baseUrl: g.base, bearerToken: g.token(party) });
  const [city, hospital, gp, stranger] = ['municipality', 'hospital', 'gp', 'stranger'].map(kit);
  const statement = await discovery(kit('gp'));
  for (const [from, file] of [['hospital', '01-log-innlagt.xml'], ['municipality', '03-innleggelsesrapport.xml'], ['hospital', '05-barthel.json'], ['hospital', '06-log-utskrivningsklar.xml'],
    ['hospital', '07-log-avmelding.xml'], ['hospital', '08-log-utskrivningsklar.xml'], ['hospital', '09-log-utskrevet.xml'], ['hospital', '10-utskrivningsrapport.xml'], ['hospital', '11-epikrise.xml'], ['municipality', '12-svar-paa-tiltak.json']]) {
    await g.post(from, join(root, 'testdata', 's1', file), file.endsWith('.xml') ? 'application/xml' : 'application/fhir+json');
    await g.settle();
  }
  const patient = await findPerson(city);
  const goal = await reading(city, patient);
  await everything(city, patient);
  await everything(gp, patient);
  await refused('a stranger reads a goal', () => stranger.read({ resourceType: 'Goal', id: goal.id }), 404);
  await refused('nobody reads a goal', () => new Client({ baseUrl: g.base }).read({ resourceType: 'Goal', id: goal.id }), 401);
  equal('a stranger finds nobody', (await stranger.search({ resourceType: 'Patient', searchParams: { identifier: `${systemFNR}|${person}` }, options: { postSearch: true } })).total, 0);
  await updating(city, hospital, patient);
  await transaction(city, patient);
  await other(g, patient);
  await subscriptions({ g, gp, city, patient, statement, check, equal, valid, light, waitFor });
  await g.settle();
  await everything(city, patient);
  check('the log names nobody', ![person, 'Solvang', 'Harald'].some((w) => g.log().includes(w)));
} catch (e) {
  check('the story came to its end', false, `${e.stack || e} ${JSON.stringify(e.response?.data || '')}\n${g.log().slice(-2000)}`);
} finally {
  equal('the gateway ends in order', await g.stop(), 0);
}
const types = count();
console.log(`judged by npm fhir${withSchema ? ' and the JSON schema' : ''}: ${Object.keys(types).sort().map((t) => `${types[t]} ${t}`).join(', ')}`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
