package controlplane

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/client-go/rest"
)

// auditPolicy writes down who asked for what, without bodies. What the control
// plane asks itself is left out: it is much, and of no use to a test. Watches
// and other long answers are written down when they begin and when they end.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: None
  users: ["system:kube-controller-manager", "system:kube-scheduler", "system:apiserver", "localiks-kwok", "localiks-calico", "localiks-start"]
- level: Metadata
`

// auditAgent is the user agent of this package's own marks in the log.
const auditAgent = "localiks-audit"

// AuditEvent is one request to the API server.
type AuditEvent struct {
	ID        string    // unique; also in the answer's header Audit-Id
	Time      time.Time // when the request came in
	Verb      string    // get, list, watch, create, update, patch, delete, deletecollection
	URI       string    // path and query
	User      string
	UserAgent string
	Status    int // HTTP status
	// Annotations are what admission has written down of it.
	Annotations map[string]string
}

// AuditEvents are requests in the order in which they were answered.
type AuditEvents []AuditEvent

// FromAgent selects the requests of clients whose user agent contains a text.
func (e AuditEvents) FromAgent(text string) AuditEvents {
	return e.where(func(event AuditEvent) bool { return strings.Contains(event.UserAgent, text) })
}

// OfVerb selects the requests with one of these verbs.
func (e AuditEvents) OfVerb(verbs ...string) AuditEvents {
	return e.where(func(event AuditEvent) bool { return slices.Contains(verbs, event.Verb) })
}

func (e AuditEvents) where(keep func(AuditEvent) bool) AuditEvents {
	var kept AuditEvents
	for _, event := range e {
		if keep(event) {
			kept = append(kept, event)
		}
	}
	return kept
}

// AuditMark is a moment in the audit log. The zero value is its beginning.
type AuditMark struct {
	position int64 // bytes
}

// MarkAudit marks this moment: everything that was answered before it lies
// before the mark.
func (c *ControlPlane) MarkAudit(ctx context.Context) (AuditMark, error) {
	_, end, err := c.audit(ctx, AuditMark{})
	return end, err
}

// Audit gives the requests since a mark that were answered by now. While the
// API server is stopped or paused it gives what was written down before.
func (c *ControlPlane) Audit(ctx context.Context, since AuditMark) (AuditEvents, error) {
	events, _, err := c.audit(ctx, since)
	return events, err
}

// audit reads the log from a mark to this moment. The API server writes an
// event down after the answer has gone out, so a request of our own shows when
// all before it is there.
func (c *ControlPlane) audit(ctx context.Context, since AuditMark) (AuditEvents, AuditMark, error) {
	var id string
	if c.serving.Load() {
		var err error
		if id, err = c.auditPing(ctx); err != nil {
			return nil, since, fmt.Errorf("audit log of %s: %w", c.options.Name, err)
		}
	}
	since.position = max(since.position, c.access.auditFrom)
	var events AuditEvents
	var end AuditMark
	err := until(ctx, func(context.Context) error {
		var seen bool
		var err error
		events, end, seen, err = readAudit(c.access.audit, since, id)
		if err == nil && id != "" && !seen {
			return errors.New("the API server's log is behind")
		}
		return err
	})
	if err != nil {
		return nil, since, fmt.Errorf("audit log of %s: %w", c.options.Name, err)
	}
	return events, end, nil
}

// auditPing makes a request and gives the ID that the log has for it.
func (c *ControlPlane) auditPing(ctx context.Context) (string, error) {
	client, err := rest.HTTPClientFor(restConfig(c.access, c.admin, auditAgent))
	if err != nil {
		return "", err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.access.server+"/livez/ping", nil)
	if err != nil {
		return "", err
	}
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	_, _ = io.Copy(io.Discard, response.Body) // "ok"; the header is what counts
	return response.Header.Get("Audit-Id"), response.Body.Close()
}

// readAudit reads a log from a mark up to the event with this ID, or up to its
// end. A last line that is not complete yet is left for later.
func readAudit(file string, since AuditMark, upTo string) (events AuditEvents, end AuditMark, seen bool, err error) {
	log, err := os.Open(file)
	if err != nil {
		return nil, since, false, err
	}
	defer func() { _ = log.Close() }()
	if _, err := log.Seek(since.position, io.SeekStart); err != nil {
		return nil, since, false, err
	}
	end = since
	index := map[string]int{}
	for reader := bufio.NewReader(log); ; {
		line, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return events, end, false, nil
		}
		if err != nil {
			return nil, since, false, err
		}
		end.position += int64(len(line))
		event, err := parseAudit(line)
		if err != nil {
			return nil, since, false, fmt.Errorf("at byte %s: %w", strconv.FormatInt(end.position, 10), err)
		}
		if event.ID == upTo {
			return events, end, true, nil
		}
		if event.UserAgent == auditAgent {
			continue
		}
		if at, known := index[event.ID]; known { // the end of a watch whose beginning we have
			events[at] = event
			continue
		}
		index[event.ID] = len(events)
		events = append(events, event)
	}
}

func parseAudit(line []byte) (AuditEvent, error) {
	var raw struct {
		AuditID        string `json:"auditID"`
		Verb           string `json:"verb"`
		RequestURI     string `json:"requestURI"`
		UserAgent      string `json:"userAgent"`
		User           struct{ Username string }
		ResponseStatus struct{ Code int }
		Annotations    map[string]string
		Received       time.Time `json:"requestReceivedTimestamp"`
	}
	if err := json.Unmarshal(bytes.TrimSpace(line), &raw); err != nil {
		return AuditEvent{}, fmt.Errorf("audit event: %w", err)
	}
	return AuditEvent{
		ID: raw.AuditID, Time: raw.Received, Verb: raw.Verb, URI: raw.RequestURI,
		User: raw.User.Username, UserAgent: raw.UserAgent, Status: raw.ResponseStatus.Code,
		Annotations: raw.Annotations,
	}, nil
}
