package postgres

import (
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// takesAway are the statements that the version before cannot live with: what it reads or writes is gone, has another name or
// another type, or what it leaves out is asked for.
var takesAway = []*regexp.Regexp{
	regexp.MustCompile(`(?i)\bDROP\s+(TABLE|COLUMN|VIEW|FUNCTION|TYPE|SCHEMA|SEQUENCE)\b`),
	regexp.MustCompile(`(?i)^\s*ALTER\b[^;]*\bRENAME\b`),
	regexp.MustCompile(`(?i)^\s*ALTER\s+TABLE\b[^;]*\bALTER\s+(COLUMN\s+)?\S+\s+(SET\s+DATA\s+)?TYPE\b`),
	regexp.MustCompile(`(?i)\bSET\s+NOT\s+NULL\b`),
	regexp.MustCompile(`(?i)\bSET\s+SCHEMA\b`),
	regexp.MustCompile(`(?i)\bTRUNCATE\b`),
}

var (
	comment     = regexp.MustCompile(`--[^\n]*`)
	columnAdded = regexp.MustCompile(`(?i)\bADD\s+COLUMN\b[^,;]*`)
	notNull     = regexp.MustCompile(`(?i)\bNOT\s+NULL\b`)
	standIn     = regexp.MustCompile(`(?i)\b(DEFAULT|GENERATED)\b`)
	dropped     = regexp.MustCompile(`(?i)^\s*ALTER\s+TABLE\b[^;]*\bDROP\s+(\w+)`)
)

// against gives the statements of a migration that break the rule that migrations only add. One that says which version it needs may: it
// shuts out those that know less.
func against(t *testing.T, migration string) (list []string) {
	t.Helper()
	if needs.MatchString(migration) {
		return nil
	}
	_, statements := statementsOf(t, migration)
	for _, s := range statements {
		s = strings.TrimSpace(comment.ReplaceAllString(s, ""))
		bad := slices.ContainsFunc(takesAway, func(r *regexp.Regexp) bool { return r.MatchString(s) })
		if m := dropped.FindStringSubmatch(s); m != nil && !strings.EqualFold(m[1], "NOT") { // a column without its word; NOT NULL may go
			bad = true
		}
		for _, c := range columnAdded.FindAllString(s, -1) {
			bad = bad || notNull.MatchString(c) && !standIn.MatchString(c)
		}
		if bad {
			list = append(list, s)
		}
	}
	return list
}

// TestMigrationsOnlyAdd holds every migration against the rule that lets two versions run side by side.
func TestMigrationsOnlyAdd(t *testing.T) {
	folder, err := fs.Sub(migrations, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	newest, floor, err := known(folder)
	if err != nil || newest < 1 || floor >= newest && newest > 1 {
		t.Errorf("newest %d, floor %d, %v: a migration must not shut out the version that made it", newest, floor, err)
	}
	for version := 1; version <= int(newest); version++ {
		for _, s := range against(t, migrationText(t, version)) {
			t.Errorf("migration %d takes away what the version before needs: %s", version, s)
		}
	}
}

// TestMigrationRule: the rule finds what it is for, and lets through what only adds.
func TestMigrationRule(t *testing.T) {
	for text, bad := range map[string]bool{
		"DROP TABLE setting;":                                                                             true,
		"drop table if exists setting;":                                                                   true,
		"ALTER TABLE message DROP COLUMN kind;":                                                           true,
		"ALTER TABLE message DROP kind;":                                                                  true,
		"ALTER TABLE message\n    ADD COLUMN a text,\n    DROP COLUMN kind;":                              true,
		"ALTER TABLE message RENAME COLUMN kind TO sort;":                                                 true,
		"ALTER TABLE message RENAME TO messages;":                                                         true,
		"ALTER INDEX message_kind RENAME TO x;":                                                           true,
		"ALTER TABLE message ALTER COLUMN size TYPE integer;":                                             true,
		"ALTER TABLE message ALTER size SET DATA TYPE integer;":                                           true,
		"ALTER TABLE message ALTER COLUMN raw SET NOT NULL;":                                              true,
		"ALTER TABLE message ALTER COLUMN more DROP DEFAULT;":                                             true,
		"ALTER TABLE message ADD COLUMN more text NOT NULL;":                                              true,
		"TRUNCATE setting;":                                                                               true,
		"DROP FUNCTION words_of(text);":                                                                   true,
		"-- +goose StatementBegin\nDO $$ BEGIN\n    DROP TABLE setting;\nEND $$;\n-- +goose StatementEnd": true,

		"-- needs: 7\nDROP TABLE setting;":                                                false,
		"-- DROP TABLE setting\nCREATE TABLE more (n bigint NOT NULL);":                   false,
		"ALTER TABLE message ADD COLUMN more text NOT NULL DEFAULT '', ADD COLUMN n int;": false,
		"ALTER TABLE message ALTER COLUMN raw DROP NOT NULL;":                             false,
		"ALTER TABLE message ALTER COLUMN more SET DEFAULT '';":                           false,
		"ALTER TABLE message SET (fillfactor = 70);":                                      false,
		"DROP INDEX CONCURRENTLY IF EXISTS message_received;":                             false,
	} {
		found := against(t, fmt.Sprintf("-- +goose Up\n%s\n-- +goose Down\nSELECT 1 / 0;\n", text))
		if (len(found) > 0) != bad {
			t.Errorf("%s: found %q", text, found)
		}
	}
}
