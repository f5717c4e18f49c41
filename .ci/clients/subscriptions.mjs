// What a subscriber sees: notifications arrive, are numbered without a gap, carry ids only, and what they point to
// can be read back. Source: R4 Subscriptions Backport.

const value = (p) => p.valueReference?.reference ?? p.valueCode ?? p.valueString ?? p.valueCanonical ?? p.valueInstant;
// parse reads the status resource of a notification.
export const parse = (bundle) => {
  const status = bundle.entry[0].resource;
  const one = (name) => { const p = (status.parameter || []).find((x) => x.name === name); return p && value(p); };
  return {
    id: bundle.id, subscription: one('subscription'), topic: one('topic'), status: one('status'), type: one('type'), since: Number(one('events-since-subscription-start')),
    events: (status.parameter || []).filter((p) => p.name === 'notification-event').map((p) => {
      const part = (name) => value(p.part.find((x) => x.name === name) || {});
      return { number: Number(part('event-number')), at: part('timestamp'), focus: part('focus') };
    }),
    entries: bundle.entry.slice(1), frame: bundle,
  };
};

export async function subscriptions(t) {
  await configured(t);
  const row = t.statement.rest[0].resource.find((r) => r.type === 'Subscription');
  if (!t.check('Subscription is told of', Boolean(row))) return;
  const can = (row.interaction || []).some((i) => i.code === 'create');
  if (!t.check('a party can subscribe', can)) return;
  await own(t);
}

const notices = (t, path) => t.g.far.filter((r) => r.path === path).map((r) => parse(JSON.parse(r.body)));

// configured: whom the configuration says is told of plans is told of each change.
async function configured(t) {
  const { g, gp, city, patient, check, equal, valid, light, waitFor } = t;
  const before = notices(t, '/gp');
  check('the GP was told while the story went on', before.length > 5, String(before.length));
  await city.create({ resourceType: 'Observation', body: light(patient, 'green', '2026-03-08T10:00:00+01:00') });
  const last = await waitFor('a notification', () => { const n = notices(t, '/gp'); return n.length > before.length && n.at(-1); });
  await g.settle();
  for (const r of g.far.filter((x) => x.path === '/gp')) {
    check('it carries our credential', r.auth === 'Bearer out-gp-0123456789');
    check('it is FHIR JSON', r.type.startsWith('application/fhir+json'), r.type);
    valid('a notification', JSON.parse(r.body));
  }
  const numbers = notices(t, '/gp').flatMap((n) => n.events.map((e) => e.number));
  equal('events are numbered without a gap', numbers, numbers.map((_, i) => i + 1));
  await shape(t, last, gp);
}

// shape: a notification is a history whose first entry is the status, with ids only, and can be read back.
async function shape(t, n, reader) {
  const { check, equal, valid } = t;
  equal('type of the Bundle', n.frame.type, 'history');
  equal('type of the notification', n.type, 'event-notification');
  check('every entry has a request', n.frame.entry.every((e) => e.request?.method && e.request?.url));
  check('ids only', n.entries.every((e) => !e.resource), JSON.stringify(n.entries));
  check('no number of a person', !JSON.stringify(n.frame).includes('11064700342'));
  for (const e of n.events) {
    const [type, id] = e.focus.split('/').slice(-2);
    equal('what it points to can be read', valid('what it points to', await reader.read({ resourceType: type, id })).id, id);
  }
}

// own: a subscription that a client makes for itself.
async function own(t) {
  const { g, gp, city, patient, check, equal, valid, light, waitFor } = t;
  const topic = 'https://samvirke.github.io/fhir/SubscriptionTopic/assessment-added';
  const made = valid('a new subscription', await gp.create({ resourceType: 'Subscription', body: {
    resourceType: 'Subscription', meta: { profile: ['http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription'] },
    status: 'requested', reason: 'To see new assessments', criteria: topic,
    channel: { type: 'rest-hook', endpoint: `${g.farURL}/gp/own`, payload: 'application/fhir+json',
      _payload: { extension: [{ url: 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-payload-content', valueCode: 'id-only' }] } },
  } }));
  equal('it is requested first', made.status, 'requested');
  const hello = await waitFor('the handshake', () => notices(t, '/gp/own')[0]);
  equal('the handshake comes first', hello.type, 'handshake');
  equal('and has no event', [hello.events.length, hello.since], [0, 0]);
  const active = await waitFor('the subscription to be active', async () => { const s = await gp.read({ resourceType: 'Subscription', id: made.id }); return s.status === 'active' && s; });
  valid('the active subscription', active);
  await city.create({ resourceType: 'Observation', body: light(patient, 'yellow', '2026-03-09T10:00:00+01:00') });
  const first = await waitFor('the first event', () => notices(t, '/gp/own').find((n) => n.type === 'event-notification'));
  equal('the first event has the number 1', first.events.map((e) => e.number), [1]);
  equal('its topic', first.topic, topic);
  await shape(t, first, gp);
  // Another topic is no event of this one.
  await city.create({ resourceType: 'Goal', body: { resourceType: 'Goal', lifecycleStatus: 'active', description: { text: 'Sove godt' }, subject: { reference: `Patient/${patient}` } } });
  await g.settle();
  await city.create({ resourceType: 'Observation', body: light(patient, 'green', '2026-03-10T10:00:00+01:00') });
  await waitFor('the second event', () => notices(t, '/gp/own').filter((n) => n.type === 'event-notification').length > 1);
  await g.settle();
  const numbers = notices(t, '/gp/own').flatMap((n) => n.events.map((e) => e.number));
  equal('a goal is no assessment', numbers, [1, 2]);
  for (const r of g.far.filter((x) => x.path === '/gp/own')) valid('a notification of one\'s own', JSON.parse(r.body));
  const status = valid('$status', await gp.operation({ name: '$status', resourceType: 'Subscription', id: made.id, method: 'GET' }));
  const says = parse({ entry: [{ resource: status.entry[0].resource }] });
  equal('$status', [says.type, says.status, says.since], ['query-status', 'active', 2]);
  const events = valid('$events', await gp.operation({ name: '$events', resourceType: 'Subscription', id: made.id, method: 'GET', input: { eventsSinceNumber: '2' } }));
  equal('$events', parse(events).events.map((e) => e.number), [2]);
  const seen = await city.read({ resourceType: 'Subscription', id: made.id }).then(() => 200, (e) => e.response?.status);
  equal('it is its owner\'s alone', seen, 404);
  await gp.delete({ resourceType: 'Subscription', id: made.id });
  const count = notices(t, '/gp/own').length;
  await city.create({ resourceType: 'Observation', body: light(patient, 'green', '2026-03-11T10:00:00+01:00') });
  await g.settle();
  equal('after its end nothing comes', notices(t, '/gp/own').length, count);
}
