package config

import (
	"net/url"
	"regexp"
	"strings"
	"time"
)

// Store says which engine keeps everything. Without more it is SQLite in data_dir.
type Store struct {
	Postgres *Postgres `key:"postgres" doc:"Keep everything in PostgreSQL 14 or newer instead of in data_dir; any number of gateways with the same parties may work on one database."`
}

// Postgres is a database.
type Postgres struct {
	URL      string        `key:"url" need:"yes" doc:"Address without a password, postgres://USER@HOST:PORT/DATABASE?sslmode=verify-full. Several hosts with commas between them and target_session_attrs=read-write follow a failover."`
	Password Secret        `key:"password" doc:"Password of the user, as env:NAME or file:PATH."`
	Schema   string        `key:"schema" default:"samvirke" doc:"Schema of the tables; made at the first start, when the user may."`
	Alive    time.Duration `key:"alive" default:"15s" min:"3s" max:"10m" doc:"How long a gateway that is silent counts as alive; after it others process what it had received."`
}

var schemaName = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,40}$`)

func (c *checker) store() {
	p := c.cfg.Store.Postgres
	if p == nil || p.URL == "" {
		return
	}
	u, err := url.Parse(p.URL)
	switch {
	case strings.Contains(p.URL, ",") && err != nil:
		// Several hosts with ports are no URL for Go; the driver reads them.
		if !strings.HasPrefix(p.URL, "postgres://") && !strings.HasPrefix(p.URL, "postgresql://") {
			c.report("store.postgres.url", CodeValue, "is no address of a database", "write postgres://USER@HOST:PORT/DATABASE")
		}
		if user, _, found := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(p.URL, "postgresql://"), "postgres://"), "@"); found && strings.Contains(user, ":") {
			c.passwordInURL()
		}
	case err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" || u.Host == "" && u.Query().Get("host") == "":
		c.report("store.postgres.url", CodeValue, "is no address of a database", "write postgres://USER@HOST:PORT/DATABASE")
	default:
		_, has := u.User.Password()
		if has || u.Query().Has("password") {
			c.passwordInURL()
		}
	}
	if !schemaName.MatchString(p.Schema) {
		c.report("store.postgres.schema", CodeValue, "is no name for a schema", "use small letters, digits and _, at most 41")
	}
}

func (c *checker) passwordInURL() {
	c.report("store.postgres.url", CodeConflict, "holds a password, which would be printed with the address", "write it under password, as env:NAME or file:PATH")
}
