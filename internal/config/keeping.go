package config

import "time"

// Retention says how long things are kept. The duty to keep journals lies with the journals; what the gateway keeps is
// for delivery, for the shared plan and for the trace.
type Retention struct {
	When     string        `key:"when" default:"23 2 * * *" doc:"When what has been kept long enough is dropped: minute, hour, day, month and weekday in UTC as in cron, or @every 6h."`
	Payloads time.Duration `key:"payloads" default:"90d" max:"36500d" doc:"How long the bodies of a message and its deliveries are kept after the last delivery was acknowledged or given up; trace and metadata stay. 0s keeps them for ever. What is not delivered is kept however old."`
	Records  time.Duration `key:"records" default:"0s" max:"36500d" doc:"How long a person is kept after death, the end of every course or, where no course is known, of every stay, counted from the last change of the plan; then the person is erased, unless something of theirs is open still. 0s, the default, never erases by itself: samvirke erase does."`
	Traces   time.Duration `key:"traces" default:"0s" max:"36500d" doc:"How long what says nothing of anybody any more is kept: times and outcomes of messages of erased people, and of messages that were refused and about nobody, counted from their reception; and that a record was erased, counted from the erasure. A duplicate or correction that comes after that is taken for new. 0s, the default, keeps them for ever."`
	Audit    time.Duration `key:"audit" default:"3653d" max:"36500d" doc:"How long audit entries are kept, ten years unless told otherwise. What is left still verifies, from the hash of the last entry that was dropped. 0s keeps them for ever."`
}

// Encryption seals the content of the store.
type Encryption struct {
	Key   Secret      `key:"key" doc:"Master key: 64 hex digits or base64 of 32 bytes, as env:NAME or file:PATH. Absent: the store is not encrypted. It must be there from the first start of a store; without it nothing of the store can be read again."`
	KeyID string      `key:"key_id" default:"1" doc:"Name of the master key in the store. A new key needs a new name."`
	Old   []MasterKey `key:"old" doc:"Earlier master keys, for the first start after a change; the store is then sealed under key and they can go."`
}

// MasterKey is an earlier master key.
type MasterKey struct {
	KeyID string `key:"key_id" need:"yes" doc:"Its name in the store."`
	Key   Secret `key:"key" need:"yes" doc:"The key, as env:NAME or file:PATH."`
}
