package kith

import (
	"slices"
	"strings"
)

// release is one version of a payload standard.
type release struct {
	version string     // "1.6"
	names   namespaces // of everything that its messages consist of
}

// namespaces maps the keys of the tables to URIs.
type namespaces map[string]string

const kithNS = "http://www.kith.no/xmlstds"

// spaceKeys are the keys of namespaces that rows name by number: a message asks thousands of times.
var spaceKeys = [...]string{"", "root", "po", "mh", "fk1", "epj1", "epj2", "epj3", "m1", "b64", "epjt", "epjs"}

// spaceNumber gives the place of a key in spaceKeys, 0 when it has none.
func spaceNumber(key string) uint8 {
	return uint8(max(0, slices.Index(spaceKeys[:], key)))
}

// spaces are the URIs of spaceKeys.
type spaces [len(spaceKeys)]string

func (n namespaces) numbered() (out spaces) {
	for i, key := range spaceKeys {
		out[i] = n[key]
	}
	return out
}

const nsMsgHead = kithNS + "/msghead/2006-05-24"

// headNames are the namespaces of a message with a MsgHead whose payload's root has this one; more
// are those of its own components.
func headNames(root string, more ...string) namespaces {
	n := namespaces{"mh": nsMsgHead, "b64": kithNS + "/base64container", "fk1": kithNS + "/felleskomponent1", "root": root}
	for i := 0; i+1 < len(more); i += 2 {
		n[more[i]] = more[i+1]
	}
	return n
}

// ploRelease is a version of a nursing and care message; date stands at the end of its namespaces.
func ploRelease(version, space, date string) release {
	return release{version, headNames(
		kithNS+"/po/"+space+"/"+date,
		"po", kithNS+"/po/poKomponent/"+date,
		"epj1", kithNS+"/epj/epj1/2008-02-20", "epj2", kithNS+"/epj/epj2/2008-02-20", "epj3", kithNS+"/epj/epj3/2008-02-20",
		"m1", kithNS+"/epj/meta/2008-02-20",
	)}
}

// ploReleases are 1.5 and 1.6 of a message whose namespace kept its name.
func ploReleases(space string) []release {
	return []release{ploRelease("1.5", space, "2009-06-30"), ploRelease("1.6", space, "2012-04-01")}
}

// release gives a version of the kind, the newest for "".
func (t *table) release(version string) (release, bool) {
	if version == "" {
		return t.releases[len(t.releases)-1], true
	}
	i := slices.IndexFunc(t.releases, func(r release) bool { return r.version == version })
	if i < 0 {
		return release{}, false
	}
	return t.releases[i], true
}

// knows tells whether uri is the namespace of the kind's payload in a version of ours, and whether it is
// at least one of its versions: those differ in the date at the end.
func (t *table) knows(uri string) (known, near bool) {
	for _, r := range t.releases {
		own := r.names["root"]
		known = known || own == uri
		near = near || own[:strings.LastIndexByte(own, '/')+1] == uri[:strings.LastIndexByte(uri, '/')+1]
	}
	return known, near
}

// Versions are the versions of a kind that are read and written, oldest first; nil for an unknown kind.
func (f *Format) Versions(kind string) []string {
	t := f.tables[kind]
	if t == nil {
		return nil
	}
	var out []string
	for _, r := range t.releases {
		out = append(out, r.version)
	}
	return out
}
