package config

import "time"

// AddressBook is a local copy of the national address register. The file itself is read by whoever uses it.
type AddressBook struct {
	File     string        `key:"file" as:"path" need:"yes" doc:"CSV or YAML file with the communication parties; columns her_id, name, parent_her_id, parent_name, type, service, org_number, active, valid_from, valid_to, edi_address, queue_async, queue_sync, queue_error, certificate, processes. It is read again when it changes."`
	Unlisted string        `key:"unlisted" enum:"attention|refuse" default:"attention" doc:"What happens to a message for one of the parties under a HER-id that the book does not have or has out of use: attention keeps it for a person and gives no receipt yet, refuse is AppRec error E21."`
	Every    time.Duration `key:"every" default:"10s" min:"1s" max:"1h" doc:"Least time between two looks at whether the file changed."`
	MaxAge   time.Duration `key:"max_age" default:"0s" max:"366d" doc:"Age from which nothing in the file is trusted any more; 0s is any age."`
}
