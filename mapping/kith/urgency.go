package kith

import (
	"strings"

	"github.com/beevik/etree"
)

// emergency tells whether a referral is one of the highest urgency. The urgency stands with each service asked for;
// one that cannot wait is enough.
//
// Source: standards/no README section 6; code list 8304, code 0; trees Henvisning 1.1 and 2.0 (ReqServ/Priority).
func emergency(kind string, root *etree.Element) bool {
	in := root
	switch {
	case kind == "H" || kind == "HENVISNING":
		in = childNamed(root, "ServReq")
	case strings.HasPrefix(kind, "HENVISNING_"):
		in = payloadOf(root)
	default:
		return false
	}
	if in == nil {
		return false
	}
	for _, s := range in.SelectElements("ReqServ") {
		if v, _ := childV(s, "Priority"); strings.TrimSpace(v) == "0" {
			return true
		}
	}
	return false
}
