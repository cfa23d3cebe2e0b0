package fakeiks

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// apiError is IKS's error body. Codes E0008, E0d39 and A0002 are IBM's, seen
// in public issues; the other codes are assumed, their form is IBM's.
type apiError struct {
	status int

	IncidentID       string `json:"incidentID"`
	Code             string `json:"code"`
	Description      string `json:"description"`
	RecoveryCLI      string `json:"recoveryCLI,omitempty"`
	TerseDescription string `json:"terseDescription,omitempty"`
	Type             string `json:"type"`
}

// Error implements error.
func (e *apiError) Error() string { return fmt.Sprintf("%d %s: %s", e.status, e.Code, e.Description) }

func newError(status int, code, kind, description, recovery string) *apiError {
	return &apiError{status: status, Code: code, Type: kind, Description: description, RecoveryCLI: recovery}
}

func errClusterNotFound() *apiError {
	e := newError(http.StatusNotFound, "E0008", "Provisioning", "The specified cluster could not be found.",
		"Run 'ibmcloud ks clusters' to list all clusters you have access to.")
	e.TerseDescription = "Cluster not found"
	return e
}

func errPoolNotFound() *apiError {
	return newError(http.StatusNotFound, "E0d2a", "Provisioning", "The specified worker pool could not be found.",
		"Run 'ibmcloud ks worker-pool ls --cluster <cluster>' to list the worker pools of the cluster.")
}

func errPoolExists() *apiError {
	return newError(http.StatusConflict, "E0d39", "Provisioning",
		"A worker pool with the same name already exists within the cluster. Choose another name.", "")
}

func errWorkerNotFound() *apiError {
	return newError(http.StatusNotFound, "E0011", "Provisioning", "The specified worker node could not be found.",
		"Run 'ibmcloud ks workers --cluster <cluster>' to list the worker nodes of the cluster.")
}

func errALBNotFound() *apiError {
	return newError(http.StatusNotFound, "E0b04", "Provisioning", "The specified ALB could not be found.",
		"Run 'ibmcloud ks ingress alb ls --cluster <cluster>' to list the ALBs of the cluster.")
}

func errNotFound() *apiError {
	return newError(http.StatusNotFound, "E0404", "General", "The requested resource could not be found.", "")
}

func errBadRequest(format string, args ...any) *apiError {
	return newError(http.StatusBadRequest, "E0003", "General", fmt.Sprintf(format, args...), "")
}

func errConflict(format string, args ...any) *apiError {
	return newError(http.StatusConflict, "E0409", "Provisioning", fmt.Sprintf(format, args...), "")
}

func errTooLarge() *apiError {
	return newError(http.StatusRequestEntityTooLarge, "E0413", "General", "The request body is too large.", "")
}

func errNoToken() *apiError {
	return newError(http.StatusUnauthorized, "A0003", "Authentication",
		"You must specify an IAM token as an Authorization header.", "Run 'ibmcloud login' and try again.")
}

func errBadToken() *apiError {
	return newError(http.StatusUnauthorized, "A0006", "Authentication",
		"The IAM token that you specified in the request has expired or is invalid.", "Run 'ibmcloud login' and try again.")
}

func errForbidden(need Role) *apiError {
	return newError(http.StatusForbidden, "A0008", "Authentication",
		fmt.Sprintf("You are not authorized to perform this operation. The %s platform access role in IAM is needed.", need),
		"Contact the account administrator to request access.")
}

// errInjected is what a fault answers that brings no body of its own.
func errInjected(status int) *apiError {
	if status >= http.StatusInternalServerError {
		return newError(status, "A0002", "Authentication", "Could not connect to a backend service. Try again later.", "")
	}
	return newError(status, "E0001", "General", http.StatusText(status), "")
}

// writeError sends an error with a fresh incident ID.
func writeError(w http.ResponseWriter, err error) {
	var known *apiError
	if !errors.As(err, &known) {
		known = newError(http.StatusInternalServerError, "E0000", "General", err.Error(), "")
	}
	body := *known
	body.IncidentID = uuid()
	w.Header().Set("X-Request-Id", body.IncidentID)
	writeJSON(w, known.status, body)
}

// writeErrorOf sends an error in the form of the API that the request is for.
func writeErrorOf(w http.ResponseWriter, r *http.Request, err error) {
	if !strings.HasPrefix(r.URL.Path, vpcPrefix) {
		writeError(w, err)
		return
	}
	var vpc *vpcError
	var known *apiError
	switch {
	case errors.As(err, &vpc):
	case errors.As(err, &known):
		vpc = vpcErrorOf(known.status, known.Description)
	default:
		vpc = vpcErrorOf(http.StatusInternalServerError, err.Error())
	}
	writeJSON(w, vpc.status, vpc.body())
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	raw, err := json.Marshal(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	write(w, raw)
}

// write sends a body. A client that went away is no concern of the server's.
func write(w http.ResponseWriter, body []byte) {
	if _, err := w.Write(body); err != nil {
		return
	}
}

// uuid is a random UUID, version 4.
func uuid() string {
	var b [16]byte
	fill(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	text := hex.EncodeToString(b[:])
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
}

// fill sets b to random bytes; crypto/rand never fails.
func fill(b []byte) {
	if _, err := rand.Read(b); err != nil {
		panic(err)
	}
}
