package kith

import (
	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/mapping"
)

// LintChain looks at messages together: a change or cancellation should point to the latest version of
// what it changes, not to an older one. It gives the findings by index of envs; the order of envs is of no
// account. It is a warning only, because a withdrawal must get through whatever it points to.
//
// Source: standards/no README section 3.4.
func LintChain(envs []samvirke.Envelope) map[int]mapping.Finding {
	var out map[int]mapping.Finding
	for i := range envs {
		m := &envs[i]
		if m.Parent == "" || m.Op != samvirke.OpChange && m.Op != samvirke.OpCancel {
			continue
		}
		for k := range envs {
			x := &envs[k]
			if k == i || x.Op != samvirke.OpChange || x.Parent != m.Parent || x.ID == m.ID || !earlier(x, m) {
				continue
			}
			if out == nil {
				out = map[int]mapping.Finding{}
			}
			r := lintRule("conversation-not-latest")
			out[i] = mapping.Finding{
				Code: r.code, Severity: r.severity, Path: "/MsgHead/MsgInfo/ConversationRef/RefToParent", Text: r.en, TextNO: r.no,
			}
		}
	}
	return out
}

// earlier tells whether a change was there when the other message was made. Published messages exist whose
// change has the very time of its original, so at the same time only a cancellation counts as the later one.
func earlier(change, m *samvirke.Envelope) bool {
	if change.GeneratedAt.Equal(m.GeneratedAt) {
		return m.Op == samvirke.OpCancel
	}
	return change.GeneratedAt.Before(m.GeneratedAt)
}
