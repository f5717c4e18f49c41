package careplan

import "github.com/samvirke/samvirke/fhir"

func instrumentOf(n *fhir.Node) string { return "" }
