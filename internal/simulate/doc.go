// Package simulate holds simulated parties with faults: real HTTP parties on loopback that send,
// receive, answer receipts and misbehave on command. Demo, tests and the load generator use them.
//
// It is the far side of the wire and must never know what the gateway thinks: it sees bytes, and
// judges them by what a party can judge. So it imports the words, formats and FHIR, but nothing of the
// gateway; a final plan comes to it as JSON.
//
//	Party     one system with dials: down, slow, refuses, answers late, answers twice
//	Play      sends a course of messages (testdata/s1) at a given speed, through such parties
//	CheckPlan, CheckParties   hold the outcome against the scenario's table, line by line
//	Load      generates real-shaped messages for many patients; Sink counts what comes out
//
// Everything is bounded, everything started is stopped by Close or by the context.
package simulate
