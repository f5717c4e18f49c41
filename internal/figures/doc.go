// Package figures counts what municipalities and hospitals ask for and cannot get from any one journal: how long
// from admission until home care knew, how many came home with a report, how many proposals found an owner, how
// courses ended. All of it follows from the messages that pass through and the plans they give.
//
// The figures are free of personal data: a contribution of one person holds counts, months and municipality
// numbers and is kept under the opaque id of the plan; small counts are not published (Options.Smallest). A
// contribution is worked out again when the plan changes or while something in it is open, so that a withdrawn
// message leaves the figures too.
package figures
