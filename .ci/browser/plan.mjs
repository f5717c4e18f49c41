// Sends further messages of the invented patient's course to a running demo, as its parties would: a plan with a
// goal in the patient's own words, marks and dialogue by the municipality, and by the GP another date
// for the next evaluation, so that there is a conflict to decide.
//
// Tokens and the patient's test number are read from the demo's own folder (SAMVIRKE_DEMO_DATA), which it was told
// by --data; nothing secret stands on a command line.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const ext = 'https://samvirke.github.io/fhir/StructureDefinition/';
const system = 'https://samvirke.github.io/fhir/CodeSystem/';
const her = 'urn:oid:2.16.578.1.12.4.1.2';
const fnr = 'urn:oid:2.16.578.1.12.4.1.4.1';

// demo reads who takes part: parties by id with token, name and HER-id, and the patient.
export const demo = (folder) => {
  const parties = {};
  let now = '';
  for (const line of readFileSync(join(folder, 'samvirke.yaml'), 'utf8').split('\n')) {
    const id = line.match(/^ {2}- id: (\S+)/);
    if (id) { now = id[1]; parties[now] = {}; }
    const field = line.match(/^ {4}(name|token|her): "?(.*?)"?$/);
    if (now && field) parties[now][field[1]] = field[1] === 'her' ? field[2].match(/\d+/)[0] : field[2];
  }
  const patient = readFileSync(join(folder, 'patients.csv'), 'utf8').split('\n')[1].split(',')[0];
  return { parties, patient };
};

// message makes a native message of a party about the patient.
export const message = (party, patient, resources, at = new Date()) => {
  const urn = () => 'urn:uuid:' + randomUUID();
  const about = urn();
  const sender = urn();
  const entry = [];
  for (const r of resources) {
    const key = { Communication: 'subject', CarePlan: 'subject', Goal: 'subject', Observation: 'subject', ServiceRequest: 'subject', EpisodeOfCare: 'patient' }[r.resourceType];
    entry.push({ fullUrl: r.fullUrl || urn(), resource: { ...r, fullUrl: undefined, ...(key ? { [key]: { reference: about } } : {}) } });
  }
  return {
    resourceType: 'Bundle', identifier: { system: 'urn:ietf:rfc:3986', value: urn() }, type: 'message', timestamp: at.toISOString(),
    entry: [
      { fullUrl: urn(), resource: { resourceType: 'MessageHeader', extension: [{ url: ext + 'op', valueCoding: { system: 'urn:oid:2.16.578.1.12.4.1.1.7309', code: 'N' } }],
        eventCoding: { system: system + 'message', code: 'plan-update' }, sender: { reference: sender }, source: { name: party.name, endpoint: `${her}.${party.her}` }, focus: entry.map((e) => ({ reference: e.fullUrl })) } },
      { fullUrl: sender, resource: { resourceType: 'Organization', identifier: [{ system: her, value: party.her }], name: party.name } },
      { fullUrl: about, resource: { resourceType: 'Patient', identifier: [{ system: fnr, value: patient }] } },
      ...entry,
    ],
  };
};

const days = (n) => new Date(Date.now() + n * 86400000).toISOString().slice(0, 10);

// planOfMunicipality is the shared plan with all that a page shows of it.
export const planOfMunicipality = (evaluation) => [
  { resourceType: 'CarePlan', status: 'active', intent: 'plan', period: { start: days(-7), end: days(49) },
    extension: [{ url: ext + 'next-evaluation', valueDateTime: evaluation }, { url: ext + 'coordinator', valueReference: { identifier: { system: 'urn:oid:2.16.578.1.12.4.1.4.4', value: '9144897' }, display: 'Eldrid Haugen' } }] },
  { resourceType: 'Goal', identifier: [{ system: 'urn:samvirke:demo', value: 'goal-own' }], lifecycleStatus: 'active', description: { text: 'Gå tur med bikkja i skogen igjen' }, expressedBy: { reference: 'Patient/self' } },
  ...[['green', -3], ['yellow', -1]].map(([value, at]) => ({ resourceType: 'Observation', identifier: [{ system: 'urn:samvirke:demo', value: 'mark-' + value }], status: 'final', code: { coding: [{ system: system + 'function', code: 'traffic-light' }] },
    valueCodeableConcept: { coding: [{ system: system + 'function', code: value }] }, effectiveDateTime: new Date(Date.now() + at * 86400000).toISOString() })),
  { resourceType: 'Communication', identifier: [{ system: 'urn:samvirke:demo', value: 'talk-1' }], status: 'completed', sent: new Date().toISOString(), payload: [{ contentString: 'Gikk til postkassen og tilbake i dag.' }] },
];

// otherDate is the GP's word on the next evaluation and nothing else.
export const otherDate = (evaluation) => [
  { resourceType: 'CarePlan', status: 'active', intent: 'plan', extension: [{ url: ext + 'states', valueCode: 'next-evaluation' }, { url: ext + 'next-evaluation', valueDateTime: evaluation }] },
];

// send hands a message over as its party does and returns the status.
export const send = async (base, party, bundle) => {
  const answer = await fetch(base + '/messages', { method: 'POST', headers: { 'Content-Type': 'application/fhir+json', Authorization: 'Bearer ' + party.token }, body: JSON.stringify(bundle) });
  return answer.status;
};

// tell plays both and returns the two dates.
export const tell = async (base, folder) => {
  const { parties, patient } = demo(folder);
  const first = days(14), second = days(21);
  const statuses = [await send(base, parties.municipality, message(parties.municipality, patient, planOfMunicipality(second))), await send(base, parties.gp, message(parties.gp, patient, otherDate(first)))];
  return { first, second, statuses };
};
