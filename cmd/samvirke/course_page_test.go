package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
)

var reFormToken = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

// signIn opens the UI as the first user, who has every role.
func (h *courseHouse) signIn() {
	h.t.Helper()
	h.pass = printedPassword(h.t, h.proc)
	h.enter()
}

// enter signs in with the password that is known.
func (h *courseHouse) enter() {
	h.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		h.t.Fatal(err)
	}
	h.person = &http.Client{Jar: jar}
	form := reFormToken.FindStringSubmatch(h.page("/sign-in"))
	if form == nil {
		h.t.Fatal("the sign-in has no form token")
	}
	h.form("/sign-in", url.Values{"csrf": {form[1]}, "user": {"admin"}, "password": {h.pass}})
}

func (h *courseHouse) page(path string) string {
	h.t.Helper()
	r, err := h.person.Get("http://" + h.addr + path)
	return h.pageOf(path, r, err)
}

func (h *courseHouse) form(path string, values url.Values) string {
	h.t.Helper()
	r, err := h.person.PostForm("http://"+h.addr+path, values)
	return h.pageOf(path, r, err)
}

func (h *courseHouse) pageOf(path string, r *http.Response, err error) string {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
	defer r.Body.Close() //nolint:errcheck // reading only
	b, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		h.t.Fatalf("%s: %d %v %.3000s", path, r.StatusCode, err, b)
	}
	return string(b)
}

// uiJSON reads the JSON API of the UI.
func (h *courseHouse) uiJSON(path string, into any) {
	h.t.Helper()
	if h.pass == "" {
		h.pass = printedPassword(h.t, h.proc)
	}
	r, err := http.NewRequestWithContext(h.t.Context(), "GET", "http://"+h.addr+"/api/v1/"+path, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	r.SetBasicAuth("admin", h.pass)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // reading only
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		h.t.Fatalf("%s: %d %v %s", path, resp.StatusCode, err, b)
	}
	if err := json.Unmarshal(b, into); err != nil {
		h.t.Fatalf("%s: %v in %s", path, err, b)
	}
}
