package gateway

import (
	"github.com/samvirke/samvirke"
)

// AddressEntry is what an address book says of a HER-id now.
type AddressEntry struct {
	// Listed is whether it may be used; Known whether it stands there at all. One that is known and not listed
	// is out of use, and Why says how: "expired", "inactive" ...
	Listed, Known bool
	Why           string
	// Name is the party's own, ParentHER and ParentName are those of the enterprise around it; "" at the first level.
	Name, ParentHER, ParentName string
}

// Addresses is where receivers are looked up.
type Addresses struct {
	// Find looks up a HER-id; nil: there is no address book, and everything is in order.
	Find func(her string) AddressEntry
	// Refuse answers a message for a receiver that is not listed with AppRec error E21; otherwise the
	// message waits for a person and the sender has no receipt yet.
	Refuse bool
}

// unlisted is why an address of ours may not be used; nil when it may.
func (g *Gateway) unlisted(her string) *samvirke.Fault {
	if g.o.Addresses.Find == nil || her == "" {
		return nil
	}
	e := g.o.Addresses.Find(her)
	if e.Listed {
		return nil
	}
	f := &samvirke.Fault{Class: samvirke.Permanent, Code: "receiver-unlisted", Safe: "the receiver is not in the address book"}
	if e.Known {
		f.Code, f.Safe = "receiver-expired", "the receiver's address is not in use ("+e.Why+")"
	}
	return f
}

// unlistedRefusal is E21 for a receiver of ours, where the configuration says so.
func (g *Gateway) unlistedRefusal(a samvirke.Address) *samvirke.Fault {
	if !g.o.Addresses.Refuse {
		return nil
	}
	f := g.unlisted(a.HER())
	if f != nil {
		f.Class, f.Receipt = samvirke.Invalid, "E21"
	}
	return f
}

// unlistedReceiver is the first receiver of ours that a person must look at.
func (g *Gateway) unlistedReceiver(env *samvirke.Envelope) *samvirke.Fault {
	if g.o.Addresses.Refuse {
		return nil
	}
	for _, i := range g.ourReceivers(env) {
		if f := g.unlisted(env.Receivers[i].HER()); f != nil {
			return f
		}
	}
	return nil
}

// addressOf is how the gateway addresses a party that the sender did not: first HER-id the enterprise, second
// the communication party. Names and an enterprise that the configuration does not tell come from the
// address book.
func (g *Gateway) addressOf(p samvirke.Party) (*samvirke.Address, *samvirke.Fault) {
	if len(p.HER) == 0 {
		return &samvirke.Address{Role: "primary"}, nil
	}
	inner := p.HER[min(len(p.HER), 2)-1]
	if f := g.unlisted(inner); f != nil {
		return nil, f
	}
	a := &samvirke.Address{Role: "primary"}
	level := func(kind, her, name string) {
		a.Levels = append(a.Levels, samvirke.AddressLevel{Kind: kind, Name: name, IDs: []samvirke.Identifier{{Type: "HER", Value: her}}})
	}
	var e AddressEntry
	if g.o.Addresses.Find != nil {
		e = g.o.Addresses.Find(inner)
	}
	outer, outerName := "", p.Name
	switch {
	case len(p.HER) > 1:
		outer = p.HER[0]
	case e.ParentHER != "":
		outer = e.ParentHER
	}
	if outer == e.ParentHER && e.ParentName != "" {
		outerName = e.ParentName
	}
	if outer == "" {
		level("organisation", inner, either(e.Name, p.Name))
		return a, nil
	}
	level("organisation", outer, outerName)
	level("department", inner, either(e.Name, p.Name))
	return a, nil
}

func either(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
