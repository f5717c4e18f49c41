package config

import (
	"time"

	"github.com/samvirke/samvirke"
)

// Config is one checked configuration file. Paths in it are absolute or relative to the working
// directory: Load has resolved those that were relative to the file.
//
// Tags: key is the name in the file; default is what an absent key means, in the file's own
// notation; enum, min and max bound the value; need:"yes" marks keys that must be there; doc is the
// sentence of the reference.
type Config struct {
	Listen      string        `key:"listen" as:"address" default:"127.0.0.1:8480" doc:"Where parties reach the gateway over HTTP. Stays on this machine unless told otherwise."`
	AdminListen string        `key:"admin_listen" as:"address" doc:"Where people and monitoring reach the UI, /metrics and the health pages. Absent: on the same address as listen."`
	TLS         *TLS          `key:"tls" doc:"Server certificate for listen and admin_listen."`
	DataDir     string        `key:"data_dir" as:"path" default:"data" doc:"Folder of the store. On a local disk, never on a network share."`
	Environment string        `key:"environment" enum:"production|test" default:"production" doc:"In test, synthetic person numbers are valid and plain HTTP to other machines is allowed. In production both are refused."`
	Limits      Limits        `key:"limits" doc:"Bounds on everything that comes in."`
	DiskBudget  Size          `key:"disk_budget" default:"20GB" min:"64MB" doc:"When the store is larger than this, nothing more is accepted but receipts, for which there is a sixteenth more; the senders try again. On PostgreSQL room that is free inside its files does not count."`
	Log         Log           `key:"log" doc:"What is written to standard error."`
	Metrics     Metrics       `key:"metrics" doc:"Figures for Prometheus."`
	Plan        Plan          `key:"plan" doc:"How plans are worked out."`
	Figures     Figures       `key:"figures" doc:"Outcome figures, counted from messages and plans."`
	Admin       Admin         `key:"admin" doc:"The UI for people."`
	Retention   Retention     `key:"retention" doc:"How long things are kept."`
	Store       Store         `key:"store" doc:"Where everything is kept."`
	Encryption  Encryption    `key:"encryption" doc:"Encryption of the store at rest, with a key for each person."`
	HNumber     string        `key:"h_number" enum:"refuse|accept" default:"refuse" doc:"Patients who are named by a local H-number with name and birth date, without national number and sex: refuse them with AppRec error E36 as the standard says, or accept them for matching by hand."`
	Patients    string        `key:"patients" as:"path" doc:"CSV or YAML file with the municipality and the GP of patients, for routing; columns identifier, municipality, gp."`
	AddressBook *AddressBook  `key:"address_book" doc:"Local copy of the national address register, which receivers are looked up in."`
	Parties     []Party       `key:"parties" need:"yes" doc:"The systems the gateway talks with."`
	Routes      []Route       `key:"routes" doc:"Who receives what. Absent: one rule that sends every message to its addressees."`
	Directory   PatientsTable `key:"-"`
}

// TLS is the server side of the listeners.
type TLS struct {
	Cert      string `key:"cert" as:"path" doc:"PEM file with the server certificate and its chain."`
	Key       string `key:"key" as:"path" doc:"PEM file with the private key."`
	ClientCA  string `key:"client_ca" as:"path" doc:"PEM file with the authorities whose client certificates are taken. Absent: any certificate whose fingerprint a party names."`
	Elsewhere bool   `key:"elsewhere" default:"false" doc:"True when a proxy in front of the gateway ends TLS, so that plain HTTP on another address than loopback is meant."`
}

// Limits are the bounds on what comes in.
type Limits struct {
	MaxBody     Size          `key:"max_body" default:"20MB" min:"64KB" max:"256MB" doc:"Largest message body. Of a larger one only the beginning is kept, and it is refused."`
	Workers     int           `key:"workers" default:"0" min:"0" max:"256" doc:"Messages processed at the same time; 0 means 64: most of their time they wait for the disk."`
	MaxInFlight int           `key:"max_in_flight" default:"1024" min:"1" max:"65536" doc:"Requests handled at the same time. Those above it are told to try again."`
	ReadTimeout time.Duration `key:"read_timeout" default:"30s" min:"1s" max:"10m" doc:"Longest time a request may take to arrive."`
	StopTimeout time.Duration `key:"stop_timeout" default:"20s" min:"1s" max:"10m" doc:"How long HTTP requests under way may go on after the order to stop; deliveries on the wire are awaited up to the timeout of their endpoint."`
}

// Log says what is logged and how.
type Log struct {
	Level  string `key:"level" enum:"debug|info|warn|error" default:"info" doc:"Info is what an admin should know, debug what a developer wants."`
	Format string `key:"format" enum:"text|json" default:"text" doc:"One line of text or one JSON object for each entry."`
}

// Plan is how plans are worked out.
type Plan struct {
	RulesOff []string   `key:"rules_off" doc:"Reconciliation rules that are switched off, for instance R8; the UI tells what each is about."`
	Priority []Priority `key:"priority" doc:"Whose word is shown first while a disagreement about a shared field is open. Absent: the latest."`
}

// Priority is whose word is shown first for one shared field.
type Priority struct {
	Field string   `key:"field" enum:"status|period-start|period-end|next-evaluation|coordinator|patient-goal" need:"yes" doc:"The shared field."`
	HER   []string `key:"her" need:"yes" doc:"HER-ids of organisations, first one first."`
}

// Figures are the outcome figures.
type Figures struct {
	Enabled    bool         `key:"enabled" default:"true" doc:"Count the figures."`
	When       string       `key:"when" default:"7 * * * *" doc:"When they are counted: minute, hour, day, month and weekday in UTC as in cron, or @every 10m."`
	Smallest   int          `key:"smallest" default:"5" min:"1" max:"1000" doc:"The least count that is published: one below it could point at a person."`
	Population []Population `key:"population" doc:"Inhabitants of municipalities, for figures per 1,000."`
}

// Population is how many live in a municipality.
type Population struct {
	Municipality string `key:"municipality" need:"yes" doc:"Number of the municipality, four digits (code list 3402)."`
	Inhabitants  int    `key:"inhabitants" need:"yes" min:"1" max:"100000000" doc:"Number of inhabitants."`
}

// Metrics switches /metrics.
type Metrics struct {
	Enabled bool `key:"enabled" default:"true" doc:"Serve /metrics."`
}

// Admin is the UI.
type Admin struct {
	Enabled bool          `key:"enabled" default:"true" doc:"Serve the UI."`
	Session time.Duration `key:"session" default:"8h" min:"5m" max:"7d" doc:"How long a sign-in lasts."`
}

// Party is one system as the file describes it.
type Party struct {
	ID           string        `key:"id" need:"yes" doc:"Short name used in rules, logs, metrics and the UI: 1 to 40 of a-z, 0-9 and hyphen."`
	Name         string        `key:"name" doc:"Name for people. Absent: the id."`
	Role         string        `key:"role" enum:"hospital|municipality|gp|other" need:"yes" doc:"What the party is; rules can name roles."`
	Roles        []string      `key:"roles" doc:"Capacities of the party beside its role: coordinator (the coordinating unit: settles conflicts, is told of every change), identity-authority (may link two identifiers of one person), private-provider (sees only its own measures, the goals they serve, the zone plan and contacts), patient-portal (speaks for the patient)."`
	HER          []string      `key:"her" doc:"HER-ids under which messages name this party, both levels, digits only."`
	Municipality string        `key:"municipality" doc:"Number of the municipality it serves, four digits (code list 3402)."`
	Token        Secret        `key:"token" doc:"Bearer token the party sends with its messages."`
	ClientCert   string        `key:"client_cert" doc:"SHA-256 fingerprint of the party's client certificate, 64 hex digits, colons allowed. Needs tls."`
	Endpoint     *Endpoint     `key:"endpoint" doc:"Where messages for the party are sent over HTTP."`
	Folder       *Folder       `key:"folder" doc:"Exchange over files; in may stand beside token, out takes the place of endpoint."`
	NATS         *NATS         `key:"nats" doc:"A NATS JetStream stream that messages for the party are published to; takes the place of endpoint."`
	Kafka        *Kafka        `key:"kafka" doc:"A Kafka topic that messages for the party are published to; takes the place of endpoint."`
	Events       string        `key:"events" enum:"none|all" default:"none" doc:"All tells this party every step of every message (received, processed, sent, acknowledged ...) as JSON, without patient data. Each is a delivery of its own: for a stream or a monitor, not for a journal."`
	Accepts      []Accept      `key:"accepts" doc:"Formats the party reads, best first. Absent: it only sends."`
	Receipts     string        `key:"receipts" enum:"none|apprec|fhir" was:"apprec when it accepts kith, else none" doc:"Application receipt the party answers with. None: a delivery is done when its bytes are taken."`
	AppRec       string        `key:"apprec_version" enum:"1.0|1.1" doc:"Version of AppRec the party reads. Absent: the one that belongs to the message answered."`
	UnknownServ  string        `key:"unknown_service" enum:"accept|refuse" default:"accept" doc:"What a sender is answered who names this party's enterprise (the first of its HER-ids) with a service it does not have, or with none: accept hands it to the party, refuse is AppRec error E21."`
	UnknownPat   string        `key:"unknown_patient" enum:"accept|refuse" default:"accept" doc:"What a sender of an epicrisis to this party is answered when neither the patients file nor an earlier message names the patient: accept hands it to the party, refuse is AppRec error E35. Refuse needs patients."`
	PatientCodes string        `key:"patient_codes" enum:"general|exact" default:"general" doc:"How this party is told that a patient it names is not sufficiently identified: E36 in general, or exactly with E30, E31 or E32 where one of them fits."`
	CodeMapFiles []string      `key:"codemaps" as:"path" doc:"YAML files with codes that this party writes or reads in another way than the standard: codemaps, each with system, direction (in or out) and codes (from, to, display)."`
	Estimate     string        `key:"estimate" enum:"standard|inverted" default:"standard" doc:"How this party reads and writes Anslag: as the base standard (true is an estimate), or inverted (true is certain), as one reading of the logistics profile has it."`
	CancelScope  string        `key:"cancel_scope" enum:"conversation|version" default:"conversation" doc:"What a cancellation of this party takes back: all versions of the message, or only the version it names, so that the one before counts again."`
	CopyTo       []string      `key:"copy_to" doc:"Parties that get a copy of everything this party sends, as far as the patient does not object and no rule denies it."`
	CodeMaps     []CodeMap     `key:"-"`
	OnStop       string        `key:"on_stop" enum:"wait|go-on" default:"wait" doc:"What later messages about the same patient do behind one that stopped."`
	AnswerWithin time.Duration `key:"answer_within" default:"96h" min:"1m" max:"60d" doc:"When a missing application receipt is overdue."`
	Rate         int           `key:"rate" default:"0" min:"0" max:"100000" doc:"Most deliveries a second to this party; 0 is no bound. After an outage it gets its backlog at that pace, oldest first. Each gateway counts for itself: where several share a database, divide by their number."`
	Expire       []Expiry      `key:"expire" doc:"Kinds of messages that have lost their meaning after some time: they are given up instead of sent, with the reason in the trace. Absent: none."`
	Retry        Retry         `key:"retry" doc:"How a delivery is tried again after a passing fault."`
	Breaker      Breaker       `key:"breaker" doc:"When the whole party is left alone for a while. Each gateway counts and tries for itself."`
	PlanChanges  string        `key:"plan_changes" enum:"none|dialog" default:"none" doc:"How a party without FHIR is told what changed in a plan it takes part in: none, for one that gets the original messages anyway, or dialog, a dialogue note (DIALOG_NOTAT) with the text of the change, in one thread per patient. Dialog needs kith among accepts."`
	Payload      string        `key:"payload" enum:"id-only|full" default:"id-only" doc:"What a plan-changed notice carries."`
}

// Endpoint is where a party takes messages over HTTP.
type Endpoint struct {
	URL         string        `key:"url" need:"yes" doc:"Address that messages are posted to."`
	Token       Secret        `key:"token" doc:"Bearer token sent along."`
	Cert        string        `key:"cert" as:"path" doc:"PEM file with our client certificate for this party."`
	Key         string        `key:"key" as:"path" doc:"PEM file with its private key."`
	CA          string        `key:"ca" as:"path" doc:"PEM file with the authorities of the party's server. Absent: those of the system."`
	Timeout     time.Duration `key:"timeout" default:"30s" min:"100ms" max:"10m" doc:"Longest time for one attempt."`
	MaxInFlight int           `key:"max_in_flight" default:"8" min:"1" max:"1024" doc:"Deliveries under way to this party at the same time, each of another patient. Each gateway counts for itself. After an outage it begins with two."`
}

// Folder is exchange over files.
type Folder struct {
	In     string `key:"in" as:"path" doc:"Folder that the party's messages are taken from."`
	Out    string `key:"out" as:"path" doc:"Folder that messages for the party are put into."`
	Errors string `key:"errors" as:"path" was:"folder errors inside in" doc:"Folder that unreadable files are moved to, each with a file that says why."`
}

// Accept is one format a party reads. It converts to samvirke.Accept.
type Accept struct {
	Format   string   `key:"format" enum:"kith|fhir|fhir-notification" need:"yes" doc:"Norwegian XML, whole FHIR messages, or notices that the plan changed."`
	Kinds    []string `key:"kinds" doc:"Message kinds this entry holds for; LOG_* means all that begin so. Absent: all."`
	Versions []string `key:"versions" doc:"Versions it reads, best first. Absent: all."`
}

// Retry is how a delivery is tried again.
type Retry struct {
	First  time.Duration `key:"first" default:"1s" min:"10ms" max:"1h" doc:"First wait; it doubles each time, with some chance added."`
	Max    time.Duration `key:"max" default:"1h" min:"10ms" max:"24h" doc:"Longest wait."`
	Budget int           `key:"budget" default:"0" min:"0" max:"1000000" doc:"Most second attempts a minute, over all patients of the party; 0 is no bound. A delivery over it waits a little longer. Each gateway counts for itself."`
	Age    time.Duration `key:"age" default:"96h" min:"1m" max:"60d" doc:"Age at which a delivery that never got through stops and needs attention."`
}

// Expiry is when messages of some kinds have lost their meaning.
type Expiry struct {
	Kinds []string      `key:"kinds" doc:"Message kinds the rule holds for; LOG_* means all that begin so. Absent: all."`
	After time.Duration `key:"after" need:"yes" min:"1m" max:"60d" doc:"Age after which a delivery is given up."`
}

// Breaker is when a party is left alone.
type Breaker struct {
	Failures int           `key:"failures" default:"5" min:"1" max:"1000" doc:"Failures in a row that open the breaker."`
	OpenFor  time.Duration `key:"open_for" default:"30s" min:"10ms" max:"1h" doc:"How long nothing is sent before one delivery tries the way."`
}

// Route is one routing rule. Its fields are those of route.Rule in the same order, so that one
// converts to the other.
type Route struct {
	Name         string   `key:"name" was:"rule N" doc:"Shown in the trace."`
	Kinds        []string `key:"kinds" doc:"Message kinds the rule holds for; LOG_* means all that begin so. Absent: all."`
	From         []string `key:"from" doc:"Sending parties or roles. Absent: all."`
	Municipality []string `key:"municipality" doc:"Municipality numbers of the patient. Absent: all."`
	To           []string `key:"to" need:"yes" doc:"Receivers: party ids, or addressees (all the message names), copies (its copy receivers), municipality (those who serve the patient's), gp (the patient's), team (the plan's)."`
	Deny         bool     `key:"deny" default:"false" doc:"The receivers do not get it, whatever other rules say."`
}

// Word is the party as the other rooms know it.
func (p *Party) Word() samvirke.Party {
	w := samvirke.Party{
		ID: p.ID, Name: p.Name, Role: p.Role, Roles: p.Roles, HER: p.HER, Municipality: p.Municipality,
		Receipts: samvirke.ReceiptMode(p.Receipts), AppRecVersion: p.AppRec,
		UnknownService: samvirke.Answer(p.UnknownServ), UnknownPatient: samvirke.Answer(p.UnknownPat), PatientCodes: samvirke.PatientCodes(p.PatientCodes), OnStop: p.OnStop, AnswerWithin: p.AnswerWithin,
	}
	for _, a := range p.Accepts {
		w.Accepts = append(w.Accepts, samvirke.Accept(a))
	}
	return w
}

// Words are all parties as the other rooms know them, in the order of the file.
func (c *Config) Words() []samvirke.Party {
	words := make([]samvirke.Party, len(c.Parties))
	for i := range c.Parties {
		words[i] = c.Parties[i].Word()
	}
	return words
}

// Test tells whether synthetic person numbers are valid here.
func (c *Config) Test() bool { return c.Environment == "test" }
