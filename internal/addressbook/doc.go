// Package addressbook is a local copy of what the national address register says of the communication
// parties that matter here: one CSV or YAML file, checked when it is read, kept in memory, read again
// when it changes, and distrusted when it is too old.
//
// Columns (CSV) or keys (YAML, under addresses:), all but her_id and name may be absent:
//
//	her_id         number in the register; dots and spaces are dropped
//	name           as in the register
//	parent_her_id  the enterprise around a service or person
//	parent_name    its name; needed when the enterprise has no line of its own
//	type           organisation, service or person
//	service        service type, KP02 or 8663/KP02 (lists 8660, 8663, 8666, 8668)
//	org_number     organisation number, nine digits
//	active         true or false; absent means true
//	valid_from     YYYY-MM-DD, first day; valid_to, last day
//	edi_address    mail address for ebXML
//	queue_async, queue_sync, queue_error   AMQP queues
//	certificate    where the certificate is found
//	processes      message types taken, with | between them in CSV, a list in YAML
//
// Source: standards/no README sections 1.1 and 8.3.
package addressbook
