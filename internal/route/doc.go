// Package route decides who receives a message, in which format and version,
// and says which rule decided. It is pure: rules and parties in, choices out;
// the same input gives the same decision in the same order.
//
// It does not render, send or store, and it never guesses: an addressee that
// no party answers to, or that no rule names, is listed as dropped with the
// reason, so that the conductor can put it before a person.
//
// What beats what, strongest first:
//
//  1. the sender never gets its own message back;
//  2. a withdrawal (operation C) reaches everyone who was sent an earlier message of
//     the conversation, whatever rules or objections say: nobody may be left acting on
//     what has been taken back (careplan.md section 8 step 1 and invariant P19);
//  3. a deny rule;
//  4. the patient's objection to forwarding: only the original addressees;
//  5. the allow rules, and for a change (operation M) everyone who was sent before.
//
// Place on the path: step 2 of design.md section 2, between the new plan version and rendering.
package route
