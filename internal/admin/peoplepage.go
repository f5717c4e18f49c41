package admin

import (
	"context"
	"net/http"
	"strings"
)

// peoplePage is the data of the list of people who may sign in.
type peoplePage struct {
	Rows  []personRow
	Roles []roleChoice
	// Password is shown once, after somebody was added.
	User, Password string
}

type personRow struct {
	User  string
	ID    int
	First bool
	HER   string
	Sees  string // which plans, in words
	None  bool   // none at all: somebody must say as whom they look
	Roles []roleChoice
}

// roleChoice is one role with what it allows.
type roleChoice struct {
	Name, Allows string
	Has          bool
}

var roleAllows = map[string]string{
	RoleReader:      "reads pages and the plans that the person may see",
	RoleAllPlans:    "sees every plan in full, whoever takes part: for those who serve the gateway itself",
	RoleAdmin:       "acts on messages, deliveries and records; lets people in; sees every plan",
	RoleCoordinator: "decides about plans: conflicts, and what means the same",
	RoleIdentity:    "links identifiers of one person, with evidence; sees every plan",
}

func roleChoices(has []string) []roleChoice {
	var list []roleChoice
	for _, r := range allRoles() {
		c := roleChoice{Name: r, Allows: roleAllows[r]}
		for _, h := range has {
			c.Has = c.Has || h == r
		}
		list = append(list, c)
	}
	return list
}

func (s *Server) peopleList(w http.ResponseWriter, r *http.Request, x *session) error {
	return s.showPeople(w, r, x, "", "")
}

func (s *Server) showPeople(w http.ResponseWriter, r *http.Request, x *session, user, password string) error {
	list, err := s.people(r.Context())
	if err != nil {
		return err
	}
	p := &peoplePage{Roles: roleChoices([]string{RoleReader}), User: user, Password: password}
	for i, o := range list {
		row := personRow{User: o.User, ID: i, First: o.First, HER: strings.Join(o.HER, " "), Roles: roleChoices(o.Roles)}
		row.Sees, row.None = s.seesWords(r.Context(), o)
		p.Rows = append(p.Rows, row)
	}
	s.render(w, r, x, http.StatusOK, "people", view{Title: "People", Section: "people", Data: p})
	return nil
}

// seesWords says which plans somebody sees.
func (s *Server) seesWords(ctx context.Context, o person) (words string, none bool) {
	g := o.standing()
	switch {
	case !g.bound():
		return "Sees every plan in full.", false
	case len(g.her) == 0:
		return "Sees no plan: nobody has said as which organisation. Give an HER-id, or the role all-plans.", true
	}
	name := "HER-id " + strings.Join(g.her, ", ")
	if p := s.partyOf(ctx, g); p != nil {
		name = p.Name
	}
	return "Sees the plans that " + name + " may see, as it may see them.", false
}

func (s *Server) personAdd(w http.ResponseWriter, r *http.Request, x *session) error {
	user := strings.TrimSpace(r.PostForm.Get("user"))
	password, err := s.addPerson(r.Context(), x.user, user, r.PostForm["role"], strings.Fields(r.PostForm.Get("her")))
	if err != nil {
		return err
	}
	return s.showPeople(w, r, x, user, password)
}

func (s *Server) personChange(w http.ResponseWriter, r *http.Request, x *session) error {
	user, remove := r.PostForm.Get("user"), r.PostForm.Get("do") == "remove"
	if err := s.changePerson(r.Context(), x.user, user, r.PostForm["role"], strings.Fields(r.PostForm.Get("her")), remove); err != nil {
		return err
	}
	x.setFlash("Changed. Who was signed in as that person has to sign in again.")
	http.Redirect(w, r, "/people", http.StatusSeeOther)
	return nil
}
