// Two judges that nobody here wrote: the npm package fhir, and the JSON schema of R4 when it is at hand
// (SAMVIRKE_SHARED, or a folder shared beside the repository).
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(import.meta.url);
const { Fhir } = require('fhir');
const Ajv = require('ajv');

const fhir = new Fhir();

function schema(root) {
  const shared = process.env.SAMVIRKE_SHARED || join(root, '..', 'shared');
  const file = join(shared, 'standards', 'fhir', 'definitions', 'r4-fhir.schema.json');
  if (!existsSync(file)) return null;
  const ajv = new Ajv({ schemaId: 'auto', allErrors: false, unknownFormats: 'ignore', logger: false });
  ajv.addMetaSchema(require('ajv/lib/refs/json-schema-draft-06.json'));
  const r4 = JSON.parse(readFileSync(file, 'utf8'));
  // The published schema was not told of its own technical correction: its list of versions ends with 4.0.0.
  r4.definitions.CapabilityStatement.properties.fhirVersion.enum.push('4.0.1');
  ajv.addSchema(r4, 'r4');
  const compiled = new Map();
  return (resource) => {
    const type = resource.resourceType;
    if (!compiled.has(type)) compiled.set(type, ajv.compile({ $ref: `r4#/definitions/${type}` }));
    const check = compiled.get(type);
    return check(resource) ? [] : check.errors.slice(0, 3).map((e) => `${e.dataPath} ${e.message}`);
  };
}

// judges gives a function that lists what is wrong with a resource and everything inside it. Bundles are judged
// entry by entry and as a frame, so that a finding names the resource it is in.
export function judges(root) {
  const bySchema = schema(root);
  const one = (resource) => {
    const out = fhir.validate(resource, { errorOnUnexpected: true }).messages
      .filter((m) => m.severity === 'error' || m.severity === 'fatal')
      .map((m) => `npm fhir: ${m.location} ${m.message}`);
    if (bySchema) out.push(...bySchema(resource).map((e) => `schema: ${e}`));
    return out.map((e) => `${resource.resourceType}: ${e}`);
  };
  const seen = new Map();
  const judge = (resource) => {
    const key = JSON.stringify(resource);
    if (seen.has(key)) return [];
    seen.set(key, resource.resourceType);
    if (resource.resourceType !== 'Bundle') return one(resource);
    const inner = (resource.entry || []).flatMap((e) => (e.resource ? judge(e.resource) : []).concat(e.response?.outcome ? judge(e.response.outcome) : []));
    const frame = { ...resource };
    if (frame.entry) {
      frame.entry = frame.entry.map((e) => {
        const { resource: r, ...rest } = e;
        return r ? { ...rest, resource: { resourceType: 'Basic', code: { text: 'stands for what is judged by itself' } } } : rest;
      });
    }
    return inner.concat(one(frame));
  };
  // A judge that finds nothing wrong with this would find nothing wrong with anything.
  for (const [name, found] of [['npm fhir', fhir.validate({ resourceType: 'Goal', madeUp: true }, { errorOnUnexpected: true }).valid === false],
    ['schema', !bySchema || bySchema({ resourceType: 'Goal', subject: 'a word' }).length > 0]]) {
    if (!found) throw new Error(`${name} takes everything`);
  }
  return { judge, withSchema: Boolean(bySchema), count: () => {
    const types = {};
    for (const t of seen.values()) types[t] = (types[t] || 0) + 1;
    return types;
  } };
}
