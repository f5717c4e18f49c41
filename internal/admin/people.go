package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/queue"
)

// Roles of people. Everybody who may sign in is at least a reader.
const (
	// RoleReader reads pages and plans and changes nothing.
	RoleReader = "reader"
	// RoleAdmin acts on messages, deliveries and records, and says who may sign in.
	RoleAdmin = "admin"
	// RoleCoordinator decides about the plan: conflicts, and which descriptions mean the same thing.
	RoleCoordinator = "coordinator"
	// RoleIdentity links identifiers of one person, and withdraws such links.
	RoleIdentity = "identity"
	// RoleAllPlans sees every plan as it is, as those who serve the gateway itself do. Admins and identity officers do too:
	// they see whole messages. Everybody else looks as an organisation.
	RoleAllPlans = "all-plans"
)

// allRoles are the roles in the order in which pages name them.
func allRoles() []string {
	return []string{RoleReader, RoleAllPlans, RoleAdmin, RoleCoordinator, RoleIdentity}
}

const (
	settingPeople = "admin.people"
	// MaxPeople is how many people may have a sign-in of their own.
	MaxPeople = 500
	// MaxUserName is the longest user name. Unit: characters.
	MaxUserName = 64
)

// Faults about people.
var (
	errRole     = &samvirke.Fault{Class: samvirke.Unauthorized, Code: "role-needed", Safe: "Your role does not allow this."}
	errBound    = &samvirke.Fault{Class: samvirke.Unauthorized, Code: "own-view-only", Safe: "You see plans as your organisation may see them; this page shows more than that."}
	errUserName = &samvirke.Fault{Class: samvirke.Invalid, Code: "bad-user-name", Safe: "A user name has 2 to 64 letters, digits, dots, dashes or @."}
	errUserIs   = &samvirke.Fault{Class: samvirke.Invalid, Code: "user-exists", Safe: "There is somebody with this user name already."}
	errBadRole  = &samvirke.Fault{Class: samvirke.Invalid, Code: "bad-role", Safe: "There is no such role."}
	errBadHER   = &samvirke.Fault{Class: samvirke.Invalid, Code: "bad-her", Safe: "An HER-id is a number of 2 to 12 digits."}
	errNoView   = &samvirke.Fault{Class: samvirke.Invalid, Code: "no-view",
		Safe: "Say as which organisation the person looks, with its HER-id. Who serves the gateway itself and shall see every plan needs the role all-plans."}
	errLastHead = &samvirke.Fault{Class: samvirke.Invalid, Code: "first-user", Safe: "The first user keeps all roles and stays; otherwise nobody could let others in."}
)

// person is one who may sign in. The first one, made by EnsureCredential, has every role.
type person struct {
	credential
	Roles []string `json:"roles,omitempty"`
	// HER are the HER-ids of the organisation as which the person looks at plans: what that organisation may not
	// see is not shown. Empty: the person serves the gateway itself, which only roles that see all allow; without
	// one the person sees no plan at all.
	HER []string `json:"her,omitempty"`
	// First: the person stands in the setting of the first credential and cannot be taken away.
	First bool `json:"-"`
}

// standing is what a person may do right now.
type standing struct {
	roles, her []string
}

func (p person) standing() *standing { return &standing{roles: p.Roles, her: p.HER} }

// may tells whether the person has a role.
func (g *standing) may(role string) bool { return g != nil && slices.Contains(g.roles, role) }

// bound tells whether the person sees plans as one organisation only, or none: it takes a role to see all.
func (g *standing) bound() bool { return g == nil || len(g.her) > 0 || !seesEvery(g.roles) }

// seesEvery tells whether one of the roles sees every plan.
func seesEvery(roles []string) bool {
	return slices.ContainsFunc(roles, func(r string) bool { return r == RoleAllPlans || r == RoleAdmin || r == RoleIdentity })
}

// viewer is the person as the plan's rules know viewers; nil for those who see all. Who looks as an organisation that
// is a party looks as that party does.
func (s *Server) viewer(ctx context.Context, g *standing) *careplan.Viewer {
	if !g.bound() {
		return nil
	}
	v := careplan.Viewer{At: s.now()}
	if g == nil {
		return &v
	}
	if p := s.partyOf(ctx, g); p != nil {
		v = partyViewer(*p, s.now())
	}
	if !v.Patient {
		v.HER = g.her
	}
	return &v
}

// partyViewer is how a party looks at plans, as the FHIR interface has it too.
func partyViewer(p samvirke.Party, at time.Time) careplan.Viewer {
	v := careplan.Viewer{HER: p.HER, At: at, Private: p.HasRole(samvirke.RolePrivateProvider)}
	switch {
	case p.HasRole(samvirke.RolePatientPortal):
		v.HER, v.Patient = nil, true
	case p.HasRole(samvirke.RoleCoordinator): // it owns what nobody owns, and needs no membership to look
		v.Purpose = careplan.PurposeCoordination
	}
	return v
}

// people reads everybody who may sign in, the first user first.
func (s *Server) people(ctx context.Context) ([]person, error) {
	var list []person
	first, err := s.credential(ctx)
	if err != nil {
		return nil, err
	}
	if first != nil {
		list = append(list, person{credential: *first, Roles: allRoles(), First: true})
	}
	text, err := s.store.Setting(ctx, settingPeople)
	if err != nil {
		return nil, fmt.Errorf("read people: %w", err)
	}
	if text == "" {
		return list, nil
	}
	var more []person
	if err := json.Unmarshal([]byte(text), &more); err != nil {
		return nil, fmt.Errorf("read people: %w", err)
	}
	return append(list, more...), nil
}

// personOf finds one by user name; nil when there is none.
func (s *Server) personOf(ctx context.Context, user string) (*person, error) {
	list, err := s.people(ctx)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if list[i].User == user {
			return &list[i], nil
		}
	}
	return nil, nil
}

// changePeople rewrites the list of further people in one transaction; two gateways that change it at once do
// not overwrite each other.
func (s *Server) changePeople(ctx context.Context, entry samvirke.Audit, change func([]person) ([]person, error)) error {
	for range 3 {
		n, err := s.store.Counter(ctx, settingPeople)
		if err != nil {
			return fmt.Errorf("read people: %w", err)
		}
		all, err := s.people(ctx)
		if err != nil {
			return err
		}
		kept := slices.DeleteFunc(slices.Clone(all), func(p person) bool { return p.First })
		if kept, err = change(kept); err != nil {
			return err
		}
		text, err := json.Marshal(kept)
		if err != nil {
			return fmt.Errorf("encode people: %w", err)
		}
		entry.At = s.now().UTC()
		_, err = s.store.Commit(ctx, &queue.Unit{Now: entry.At, Settings: map[string]string{settingPeople: string(text)},
			Counters: []queue.CounterStep{{Name: settingPeople, Expect: n}}, Audit: []samvirke.Audit{entry}})
		if err == nil {
			s.sessions.endOf(entry.Object)
			s.guard.forget()
			return nil
		}
		if !errors.Is(err, queue.ErrCounter) {
			return fmt.Errorf("store people: %w", err)
		}
	}
	return &samvirke.Fault{Class: samvirke.Transient, Code: "changed-meanwhile", Safe: "Others changed the list at the same time. Try again."}
}

var (
	userName = regexp.MustCompile(`^[\p{L}\p{N}][\p{L}\p{N}._@-]{1,63}$`)
	herID    = regexp.MustCompile(`^[0-9]{2,12}$`)
)

// addPerson lets somebody in and returns the password, which is kept nowhere but as its salted hash.
func (s *Server) addPerson(ctx context.Context, who, user string, roles, her []string) (password string, err error) {
	if !userName.MatchString(user) || len(user) > MaxUserName {
		return "", errUserName
	}
	there, err := s.personOf(ctx, user)
	if err != nil {
		return "", err
	}
	if there != nil {
		return "", errUserIs
	}
	if roles, err = checkRoles(roles, her); err != nil {
		return "", err
	}
	password = randomToken()[:20]
	c, err := newCredential(user, password, kdfRounds)
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	entry := samvirke.Audit{Who: who, Action: "add-person", Object: user, Reason: strings.Join(append(slices.Clone(roles), her...), ", ")}
	return password, s.changePeople(ctx, entry, func(list []person) ([]person, error) {
		if slices.ContainsFunc(list, func(p person) bool { return p.User == user }) {
			return nil, errUserIs
		}
		if len(list) >= MaxPeople {
			return nil, &samvirke.Fault{Class: samvirke.Invalid, Code: "too-many-people", Safe: fmt.Sprintf("At most %d people can have a sign-in.", MaxPeople)}
		}
		return append(list, person{credential: c, Roles: roles, HER: her}), nil
	})
}

// changePerson gives somebody other roles, or takes the sign-in away when remove is set.
func (s *Server) changePerson(ctx context.Context, who, user string, roles, her []string, remove bool) error {
	p, err := s.personOf(ctx, user)
	switch {
	case err != nil:
		return err
	case p == nil:
		return queue.ErrNotFound
	case p.First:
		return errLastHead
	}
	entry := samvirke.Audit{Who: who, Action: "remove-person", Object: user}
	if !remove {
		if roles, err = checkRoles(roles, her); err != nil {
			return err
		}
		entry.Action, entry.Reason = "change-person", strings.Join(append(slices.Clone(roles), her...), ", ")
	}
	return s.changePeople(ctx, entry, func(list []person) ([]person, error) {
		i := slices.IndexFunc(list, func(p person) bool { return p.User == user })
		if i < 0 {
			return nil, queue.ErrNotFound
		}
		if remove {
			return slices.Delete(list, i, i+1), nil
		}
		list[i].Roles, list[i].HER = roles, her
		return list, nil
	})
}

// checkRoles puts roles into order and refuses what does not go together: who looks as one organisation is no
// admin of the gateway, because an admin sees whole messages.
func checkRoles(roles, her []string) ([]string, error) {
	var out []string
	for _, r := range allRoles() {
		if r == RoleReader || slices.Contains(roles, r) {
			out = append(out, r)
		}
	}
	for _, r := range roles {
		if !slices.Contains(allRoles(), r) {
			return nil, errBadRole
		}
	}
	for _, h := range her {
		if !herID.MatchString(h) {
			return nil, errBadHER
		}
	}
	switch {
	case len(her) > 0 && seesEvery(out):
		return nil, &samvirke.Fault{Class: samvirke.Invalid, Code: "role-and-organisation",
			Safe: "Who looks as one organisation can be reader or coordinator only: admins, identity officers and the role all-plans see more than one organisation may."}
	case len(her) == 0 && !seesEvery(out):
		return nil, errNoView
	}
	return out, nil
}
