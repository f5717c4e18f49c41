package kith

// nsBirth is the namespace of the obstetric part of a birth epicrisis; a date follows. Its schema is not published.
const nsBirth = kithNS + "/FodselBarsel/"

// birthTable is FODSELS_EPIKRISE: a discharge report 1.6 about mother or child, and beside it an obstetric
// document whose schema nobody has. The report is mapped; the other is carried as it is.
func birthTable() *table {
	return &table{
		root: rows(birthReport), payload: "TverrfagligEpikrise",
		releases: ploReleases("TverrfagligEpikrise")[1:], unchecked: []string{nsBirth},
	}
}

func birthReport() *el {
	report := dischargeReport()
	for i, k := range report.kids {
		if k.name == "TypeInnholdIMelding" {
			report.kids[i] = contentIs("1", leafEl("po", "TypeInnhold", "1",
				fallback{cvConcept(), []attr{{"V", "12"}, {"S", "2.16.578.1.12.4.1.1.9139"}, {"DN", "Fødselsepikrise"}}}, "category[0]"))
		}
	}
	return report
}
