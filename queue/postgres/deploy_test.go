package postgres

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/samvirke/samvirke/queue/postgres/postgrestest"
)

// TestDeployedSettings starts a server with the settings that admins are given, makes user and database as they are told to, and
// opens a store as that user.
func TestDeployedSettings(t *testing.T) {
	server(t)
	var settings []string
	for _, f := range []string{"primary.conf", "standby.conf"} {
		text, err := os.ReadFile("../../deploy/postgres/" + f)
		if err != nil {
			t.Fatal(err)
		}
		settings = append(settings, strings.Split(string(text), "\n")...)
	}
	// No certificate, and no memory of that size here.
	s, err := postgrestest.New(append(settings, "ssl = off", "shared_buffers = 64MB", "max_connections = 50", "listen_addresses = '127.0.0.1'")...)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	conn := direct(t, s.URL(), "public")
	rows, err := conn.Query(soon(t), `SELECT name || ': ' || error FROM pg_file_settings WHERE error IS NOT NULL`)
	if err != nil {
		t.Fatal(err)
	}
	wrong, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(wrong) > 0 {
		t.Errorf("settings that the server does not take: %v, %v", wrong, err)
	}
	text, err := os.ReadFile("../../deploy/postgres/setup.sql")
	if err != nil {
		t.Fatal(err)
	}
	// The user of these servers has the name that the gateway's has there.
	for _, statement := range strings.Split(strings.ReplaceAll(string(text), "CREATE ROLE samvirke LOGIN", "SELECT 1"), ";") {
		if strings.TrimSpace(statement) == "" {
			continue
		}
		if _, err := conn.Exec(soon(t), statement); err != nil {
			t.Fatalf("%v: %s", err, statement)
		}
	}
	st := open(t, Options{URL: strings.Replace(s.URL(), "/postgres?", "/samvirke?", 1)})
	commit(t, st, unit("1", "p"))
	r, err := OpenReader(soon(t), st.opts)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, f := range r.Findings(soon(t)) {
		if !f.OK {
			t.Errorf("the doctor finds %+v", f)
		}
	}
}

// TestSettingsOfOldestServer: PostgreSQL 14 starts with the setting that it takes fewer values of than later ones.
//
// Source: PostgreSQL 15, release notes: wal_compression takes lz4 and zstd.
func TestSettingsOfOldestServer(t *testing.T) {
	text, err := os.ReadFile("../../deploy/postgres/primary.conf")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "PostgreSQL 14 or newer") {
		t.Error("the settings do not say for which servers they are")
	}
	if !regexp.MustCompile(`(?m)^wal_compression = (on|off)\b`).Match(text) {
		t.Error("wal_compression has a value that PostgreSQL 14 does not take")
	}
}
