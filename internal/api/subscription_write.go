package api

import (
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/internal/gateway"
)

// Extensions of the R4 Subscriptions Backport 1.1.0.
const (
	backportDefinition = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"

	profileSubscription = backportDefinition + "backport-subscription"
	extFilter           = backportDefinition + "backport-filter-criteria"
	extHeartbeat        = backportDefinition + "backport-heartbeat-period"
	extTimeout          = backportDefinition + "backport-timeout"
	extMaxCount         = backportDefinition + "backport-max-count"
	extContent          = backportDefinition + "backport-payload-content"
	extChannelType      = backportDefinition + "backport-channel-type"
	extTopic            = backportDefinition + "capabilitystatement-subscriptiontopic-canonical"
)

// subscriptionNode is a subscription as a resource.
func (c *call) subscriptionNode(s *gateway.Subscription) *fhir.Node {
	meta := fhir.NewObject()
	if s.Version > 0 {
		meta.SetText("versionId", strconv.FormatInt(s.Version, 10))
		meta.SetText("lastUpdated", fhir.Instant(s.Updated.UTC().Truncate(time.Millisecond)))
	}
	meta.Set("profile", fhir.NewArray(profileSubscription))
	n := fhir.NewObject("resourceType", typeSubscription, "id", s.ID, "meta", meta, "status", s.Status)
	if contact, err := fhir.ParseNode(append(append([]byte(`{"contact":`), s.Contact...), '}')); err == nil && len(s.Contact) > 0 {
		n.Set("contact", contact.Get("contact"))
	}
	if !s.End.IsZero() {
		n.SetText("end", fhir.Instant(s.End.UTC().Truncate(time.Millisecond)))
	}
	n.SetText("reason", s.Reason)
	n.SetText("criteria", s.Topic)
	filters := s.Filters
	if s.Automatic {
		filters = []string{"CarePlan?_id=" + s.Plans[0]}
	}
	for _, f := range filters {
		if n.Get("_criteria") == nil {
			n.Set("_criteria", fhir.NewObject())
		}
		n.Get("_criteria").Append("extension", fhir.NewObject("url", extFilter, "valueString", f))
	}
	if s.Status == gateway.SubscriptionError {
		n.SetText("error", s.Fault)
	}
	channel := fhir.NewObject()
	for _, x := range []struct {
		url, name string
		value     int
	}{{extHeartbeat, "valueUnsignedInt", s.Heartbeat}, {extTimeout, "valueUnsignedInt", s.Timeout}, {extMaxCount, "valuePositiveInt", s.MaxCount}} {
		if x.value > 0 {
			channel.Append("extension", fhir.NewObject("url", x.url, x.name, fhir.Number(strconv.Itoa(x.value))))
		}
	}
	channel.SetText("type", "rest-hook")
	channel.SetText("endpoint", s.Endpoint)
	channel.SetText("payload", mediaJSON)
	channel.Set("_payload", fhir.NewObject("extension", fhir.NewArray(fhir.NewObject("url", extContent, "valueCode", s.Content))))
	n.Set("channel", channel)
	return n
}

// wish reads what a party asks for. What this server does not do is refused, never left out in silence.
func (c *call) wish() (w gateway.SubscriptionWish, n *fhir.Node, err error) {
	if n, err = c.body(); err != nil {
		return w, nil, err
	}
	if n.Get("resourceType").Text() != typeSubscription {
		return w, nil, errType
	}
	channel := n.Get("channel")
	w = gateway.SubscriptionWish{Topic: n.Get("criteria").Text(), Status: n.Get("status").Text(), Reason: n.Get("reason").Text(), Endpoint: channel.Get("endpoint").Text(),
		Content: channel.Get("_payload").Extension(extContent).Get("valueCode").Text()}
	if contact := n.Get("contact"); contact != nil {
		w.Contact = contact.Bytes()
	}
	media, _, _ := mime.ParseMediaType(channel.Get("payload").Text())
	switch {
	case channel.Get("type").Text() != "rest-hook" || channel.Get("_type").Extension(extChannelType) != nil:
		return w, nil, errChannel
	case channel.Get("header") != nil:
		return w, nil, errHeader
	case channel.Get("payload") != nil && media != mediaJSON:
		return w, nil, errPayload
	case n.Get("implicitRules") != nil || n.Get("modifierExtension") != nil || channel.Get("modifierExtension") != nil:
		return w, nil, errModifier
	}
	if end := n.Get("end").Text(); end != "" {
		if w.End, err = time.Parse(time.RFC3339, end); err != nil {
			return w, nil, badParameter("end")
		}
	}
	for url, to := range map[string]*int{extHeartbeat: &w.Heartbeat, extTimeout: &w.Timeout, extMaxCount: &w.MaxCount} {
		ext := channel.Extension(url)
		if ext == nil {
			continue
		}
		if *to, err = strconv.Atoi(ext.Get("valueUnsignedInt").Text() + ext.Get("valuePositiveInt").Text() + ext.Get("valueInteger").Text()); err != nil || *to <= 0 {
			return w, nil, invalid("bad-period", "a period or the maximum of events is no whole number above zero")
		}
	}
	return w, n, c.filters(&w, n.Get("_criteria"))
}

// filters reads the criteria that narrow a topic to some plans: Type?patient=Patient/id, or CarePlan?_id=id. Several
// must all hold; the values of one are alternatives.
//
// Source: R4 Subscriptions Backport 1.1.0, extension backport-filter-criteria.
func (c *call) filters(w *gateway.SubscriptionWish, criteria *fhir.Node) error {
	for _, ext := range criteria.Get("extension").Items() {
		if ext.Get("url").Text() != extFilter {
			continue
		}
		text := ext.Get("valueString").Text()
		plans, err := c.filter(text)
		if err != nil {
			return err
		}
		if len(w.Filters) > 0 {
			plans = slices.DeleteFunc(plans, func(p string) bool { return !slices.Contains(w.Plans, p) })
			if len(plans) == 0 {
				return errFilter
			}
		}
		w.Filters, w.Plans = append(w.Filters, text), plans
	}
	// A plan that does not exist and one that the party may not see are refused alike.
	for _, plan := range w.Plans[:min(len(w.Plans), gateway.MaxSubscriptionPlans)] {
		if _, err := c.open(plan); err != nil {
			if faultOf(err) == errNotFound {
				return errNoPlan
			}
			return err
		}
	}
	return nil
}

// filter reads one criterion.
func (c *call) filter(text string) ([]string, error) {
	typ, rest, ok := strings.Cut(text, "?")
	values, err := parseCondition(rest)
	if !ok || err != nil || len(values) != 1 || len(text) > MaxQuery || c.api.resources[typ] == nil || typ == typeSubscription {
		return nil, errFilter
	}
	var plans []string
	for name, list := range values {
		byID := name == "_id" && (typ == "CarePlan" || typ == "Patient")
		if !byID && name != "patient" && name != "subject" || len(list) != 1 {
			if personInURL(typ, strings.SplitN(name, ".", 2)[0], "", "identifier", strings.Join(list, ",")) {
				return nil, errPersonInURL
			}
			return nil, errFilter
		}
		for _, v := range strings.Split(list[0], ",") {
			v = strings.TrimPrefix(v, c.base())
			if to, id, ref := strings.Cut(v, "/"); ref {
				if byID || to != "Patient" {
					return nil, errFilter
				}
				v = id
			}
			plan := planIn(v)
			if plan == "" {
				return nil, errFilter
			}
			if !slices.Contains(plans, plan) {
				plans = append(plans, plan)
			}
		}
	}
	return plans, nil
}

// createSubscription answers POST Subscription.
func (c *call) createSubscription() error {
	w, _, err := c.wish()
	if err != nil {
		return err
	}
	defer c.api.lock("subscriptions of " + c.party.ID)()
	if cond := c.r.Header.Get("If-None-Exist"); cond != "" {
		there, err := c.existing(cond)
		if err != nil {
			return err
		}
		if there != nil {
			return c.subscribed(there, http.StatusOK)
		}
	}
	s, err := c.api.o.Subscriptions.Subscribe(c.ctx, c.party.ID, w)
	if err != nil {
		return err
	}
	return c.subscribed(&s, http.StatusCreated)
}

// existing finds the one own subscription that meets the condition of a conditional create.
func (c *call) existing(condition string) (*gateway.Subscription, error) {
	values, err := parseCondition(condition)
	if err != nil || len(values) == 0 {
		return nil, errParameter
	}
	probe := *c
	probe.query, probe.posted, probe.strict = values, true, true
	q, err := probe.parseQuery()
	if err != nil {
		return nil, err
	}
	hits, err := probe.ownSubscriptions(q)
	switch {
	case err != nil || len(hits) == 0:
		return nil, err
	case len(hits) > 1:
		return nil, errSeveral
	}
	s, err := c.api.o.Subscriptions.SubscriptionOf(c.ctx, c.party.ID, hits[0].it.ID)
	return &s, err
}

// updateSubscription answers PUT Subscription/id: the one way in which a subscription in error becomes active again.
func (c *call) updateSubscription() error {
	if !isID(c.id) {
		return errNotFound
	}
	if _, err := c.api.o.Subscriptions.SubscriptionOf(c.ctx, c.party.ID, c.id); err != nil {
		return err
	}
	w, n, err := c.wish()
	if err != nil {
		return err
	}
	if n.Get("id").Text() != c.id {
		return errID
	}
	version := int64(0)
	if tag := c.r.Header.Get("If-Match"); tag != "" {
		text, ok := strings.CutPrefix(tag, `W/"`)
		text, closed := strings.CutSuffix(text, `"`)
		if version, err = strconv.ParseInt(text, 10, 64); err != nil || !ok || !closed || version < 1 {
			return errIfMatch
		}
	}
	s, err := c.api.o.Subscriptions.ChangeSubscription(c.ctx, c.party.ID, c.id, version, w)
	if err != nil {
		return err
	}
	return c.subscribed(&s, http.StatusOK)
}

// removeSubscription answers DELETE Subscription/id: it is off from then on, and can still be read with its events.
func (c *call) removeSubscription() error {
	if !isID(c.id) {
		return errNotFound
	}
	if _, err := c.api.o.Subscriptions.EndSubscription(c.ctx, c.party.ID, c.id); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// subscribed answers a write with the subscription as it stands.
func (c *call) subscribed(s *gateway.Subscription, status int) error {
	h := c.w.Header()
	h.Set("ETag", weak(strconv.FormatInt(s.Version, 10)))
	h.Set("Last-Modified", s.Updated.UTC().Format(http.TimeFormat))
	if status == http.StatusCreated {
		h.Set("Location", c.base()+typeSubscription+"/"+s.ID)
	}
	switch c.prefer {
	case "minimal":
		c.w.WriteHeader(status)
		return nil
	case "OperationOutcome":
		return c.reply(status, fhir.Outcome())
	}
	return c.reply(status, c.subscriptionNode(s))
}
