// Package nats publishes deliveries into a NATS JetStream stream.
//
// A delivery is one message of the stream, sent once per attempt and taken when the stream has acknowledged it, so
// what the gateway keeps as taken is stored there. Its id goes along as Nats-Msg-Id: within the stream's duplicate
// window a second attempt is stored once, and after it a reader knows it by the id. Order is that of the lanes: the
// next delivery about a patient is published when the one before is acknowledged.
//
// The stream is the operator's: it must exist, with the subjects bound to it. It is never the truth; the gateway's
// store is.
package nats
