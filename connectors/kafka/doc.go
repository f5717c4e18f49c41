// Package kafka publishes deliveries into a Kafka topic.
//
// A delivery is one record, taken when all in-sync replicas have it. Its key is a keyed digest of the lane, so that all
// about one patient is in one partition, in order, and the key tells nobody who it is. The delivery's id is in a
// header: an attempt whose acknowledgement was lost is published again with the same id.
//
// The topic is the operator's. It is never the truth; the gateway's store is.
package kafka
