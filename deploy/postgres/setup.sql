-- Run by psql as the owner of the cluster. Set both passwords afterwards with \password.
CREATE ROLE samvirke LOGIN;
CREATE ROLE replicator LOGIN REPLICATION;
CREATE DATABASE samvirke OWNER samvirke ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0;
REVOKE CONNECT, TEMPORARY ON DATABASE samvirke FROM PUBLIC;
-- Doctor and metrics may see that a standby follows, and nothing that anybody else asks.
GRANT pg_read_all_stats TO samvirke;
