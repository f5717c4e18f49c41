package config

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"regexp"
	"time"
)

// NATS is a JetStream stream that a party reads.
type NATS struct {
	Servers     []string      `key:"servers" need:"yes" doc:"Addresses of the servers, nats:// or tls://."`
	Subject     string        `key:"subject" default:"samvirke" doc:"Beginning of the subjects; purpose (forward, receipt, notice, event) and kind of the message follow. A stream must take them."`
	Token       Secret        `key:"token" doc:"Token that lets us in."`
	Credentials string        `key:"credentials" as:"path" doc:"Credentials file (JWT and seed) that lets us in, instead of a token."`
	Cert        string        `key:"cert" as:"path" doc:"PEM file with our client certificate."`
	Key         string        `key:"key" as:"path" doc:"PEM file with its private key."`
	CA          string        `key:"ca" as:"path" doc:"PEM file with the authorities of the servers. Absent: those of the system."`
	Timeout     time.Duration `key:"timeout" default:"30s" min:"100ms" max:"10m" doc:"Longest wait for the stream's acknowledgement."`
	MaxInFlight int           `key:"max_in_flight" default:"64" min:"1" max:"1024" doc:"Deliveries under way at the same time, each of another patient."`
}

// Kafka is a topic that a party reads.
type Kafka struct {
	Brokers     []string      `key:"brokers" need:"yes" doc:"Brokers to begin with, host:port."`
	Topic       string        `key:"topic" need:"yes" doc:"The topic. It must be there."`
	User        string        `key:"user" doc:"User for SCRAM-SHA-512."`
	Password    Secret        `key:"password" doc:"Its password."`
	TLS         bool          `key:"tls" default:"false" doc:"Connect with TLS; implied by ca and cert."`
	Cert        string        `key:"cert" as:"path" doc:"PEM file with our client certificate."`
	Key         string        `key:"key" as:"path" doc:"PEM file with its private key."`
	CA          string        `key:"ca" as:"path" doc:"PEM file with the authorities of the brokers. Absent: those of the system."`
	Timeout     time.Duration `key:"timeout" default:"30s" min:"100ms" max:"10m" doc:"Longest wait for the brokers' acknowledgement."`
	MaxInFlight int           `key:"max_in_flight" default:"64" min:"1" max:"1024" doc:"Deliveries under way at the same time, each of another patient."`
}

var (
	subjectWords = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)
	topicName    = regexp.MustCompile(`^[A-Za-z0-9._-]{1,249}$`)
)

// wires are the ways out of a party, as the file calls them.
func (p *Party) wires() (out []string) {
	for _, w := range []struct {
		name string
		is   bool
	}{{"endpoint", p.Endpoint != nil}, {"folder.out", p.Folder != nil && p.Folder.Out != ""}, {"nats", p.NATS != nil}, {"kafka", p.Kafka != nil}} {
		if w.is {
			out = append(out, w.name)
		}
	}
	return out
}

// streams checks the wires that are streams, and that there is one wire only.
func (c *checker) streams(p *Party, at string) {
	if w := p.wires(); len(w) > 1 && (p.NATS != nil || p.Kafka != nil) {
		c.report(at+"."+w[len(w)-1], CodeConflict, fmt.Sprintf("there is %s too, and a message goes only one way", w[0]), "keep one of the two")
	}
	if p.NATS != nil {
		c.nats(p.NATS, at+".nats")
	}
	if p.Kafka != nil {
		c.kafka(p.Kafka, at+".kafka")
	}
	if p.Events == "all" && len(p.wires()) == 0 {
		c.report(at+".events", CodeConflict, "there is no way to the party", "add endpoint, nats or kafka")
	}
}

func (c *checker) nats(n *NATS, at string) {
	for i, s := range n.Servers {
		place := fmt.Sprintf("%s.servers[%d]", at, i)
		u, err := url.Parse(s)
		switch {
		case err != nil || u.Host == "" || u.Scheme != "nats" && u.Scheme != "tls":
			c.report(place, CodeValue, "is no address of a NATS server", "write for instance tls://stream.example.no:4222")
		case u.User != nil:
			c.report(place, CodeValue, "holds a user name or password", "use token or credentials for what authorises us")
		case u.Scheme == "nats" && n.CA == "" && !c.cfg.Test() && !isLoopback(u.Hostname()):
			c.report(place, CodeInsecure, "sends patient data in plain text to another machine", "use tls://, or environment: test")
		}
	}
	if !subjectWords.MatchString(n.Subject) {
		c.report(at+".subject", CodeValue, fmt.Sprintf("%q cannot begin a subject", n.Subject), "write words of letters, digits, hyphen and underscore with dots between")
	}
	if !n.Token.IsZero() && n.Credentials != "" {
		c.report(at+".credentials", CodeConflict, "there is a token too", "keep one of the two")
	}
	c.secret(n.Token, at+".token")
	if n.Credentials != "" {
		if _, err := os.Stat(n.Credentials); err != nil {
			c.report(at+".credentials", CodeFileRef, "cannot be used: "+err.Error(), "name a file that the gateway may read")
		}
	}
	c.keyPair(at, n.Cert, n.Key)
	c.authorities(at+".ca", n.CA)
}

func (c *checker) kafka(k *Kafka, at string) {
	secure := k.TLS || k.CA != "" || k.Cert != ""
	for i, b := range k.Brokers {
		place := fmt.Sprintf("%s.brokers[%d]", at, i)
		host, _, err := net.SplitHostPort(b)
		switch {
		case err != nil || host == "":
			c.report(place, CodeValue, fmt.Sprintf("%q is no broker", b), "write host:port, for instance broker-1.example.no:9093")
		case !secure && !c.cfg.Test() && !isLoopback(host):
			c.report(place, CodeInsecure, "sends patient data in plain text to another machine", "set tls: true, or environment: test")
		}
	}
	if k.Topic != "" && !topicName.MatchString(k.Topic) {
		c.report(at+".topic", CodeValue, fmt.Sprintf("%q cannot be a topic", k.Topic), "write 1 to 249 letters, digits, dots, hyphens and underscores")
	}
	if (k.User == "") != k.Password.IsZero() {
		c.report(at+".user", CodeConflict, "user and password go together", "give both or none")
	}
	c.secret(k.Password, at+".password")
	c.keyPair(at, k.Cert, k.Key)
	c.authorities(at+".ca", k.CA)
}
