package main

// equivalents are the mutations, by name, that change nothing that anybody could see, and why. They are run all the same: one
// that a test notices is none, and is reported as killed.
func equivalents() map[string]string {
	return map[string]string{
		"limits bind the patient": "sees answers for the patient before any limit is asked",
	}
}
