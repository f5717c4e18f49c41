// Package admin is the JSON API and the web pages for people: what came in, where it went, why
// it is as it is, and what to do when something stands still.
//
// It reads from the store, shows, and asks the gateway to act (resend, reprocess, give up); it
// decides nothing itself. Every page works without JavaScript; a small script of our own only
// keeps open pages up to date. Every read of a patient's data is written to the audit before the
// answer is sent: when the audit cannot be written, nothing is shown.
//
// Promises: no patient number stands in a URL, a link or a log line (a sealed id stands in its
// place); every change is a POST with a token bound to the session; all that comes from a message
// is escaped by html/template.
package admin
