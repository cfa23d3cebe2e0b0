package strongswan

import (
	"fmt"
	"strings"
	"testing"
)

func TestParseLog(t *testing.T) {
	t.Parallel()
	const (
		start   = "00[DMN] Starting IKE charon daemon (strongSwan 5.9.14, Linux 6.8.0, x86_64)\n"
		loaded  = "08[CFG] added configuration 'k8s-conn'\n"
		vici    = "08[CFG] added vici connection: k8s-conn\n"
		calling = "05[IKE] initiating IKE_SA k8s-conn[1] to 198.51.100.2\n"
		main    = "05[IKE] initiating Main Mode IKE_SA k8s-conn[1] to 198.51.100.2\n"
		agreed  = "07[IKE] IKE_SA k8s-conn[1] established between 192.0.2.2[a]...198.51.100.2[b]\n"
		up      = "07[IKE] CHILD_SA k8s-conn{1} established with SPIs c1_i c2_o and TS 172.30.0.0/16 === 10.91.152.128/26\n"
		again   = "07[IKE] outbound CHILD_SA k8s-conn{2} established with SPIs c3_i c4_o and TS 172.30.0.0/16 === 10.91.152.128/26\n"
		closed  = "07[IKE] closing CHILD_SA k8s-conn{1} with SPIs c1_i (0 bytes) c2_o (0 bytes) and TS 172.30.0.0/16 === 10.91.152.128/26\n"
		expired = "07[IKE] closing expired CHILD_SA k8s-conn{1} with SPIs c1_i (0 bytes) c2_o (0 bytes) and TS 172.30.0.0/16 === 10.91.152.128/26\n"
		rekeyed = "07[IKE] IKE_SA k8s-conn[2] rekeyed between 192.0.2.2[a]...198.51.100.2[b]\n"
		deleted = "07[IKE] deleting IKE_SA k8s-conn[1] between 192.0.2.2[a]...198.51.100.2[b]\n"
		gone    = "07[IKE] IKE_SA k8s-conn[1] state change: ESTABLISHED => DESTROYING\n"
		silent  = "07[IKE] giving up after 5 retransmits\n"
		refused = "07[IKE] received AUTHENTICATION_FAILED notify error\n"
	)
	for log, want := range map[string]string{
		"":                                    "",
		"00[DMN] Starting\n":                  "",
		start + loaded:                        stateDown,
		start + vici:                          stateDown,
		loaded:                                stateUnknown,
		calling:                               stateConnecting,
		main:                                  stateConnecting,
		calling + silent:                      stateDown,
		calling + silent + calling:            stateConnecting,
		calling + refused:                     stateDown,
		start + agreed:                        stateEstablished,
		start + agreed + up:                   stateInstalled,
		up:                                    stateInstalled,
		agreed + up + closed:                  stateEstablished,
		agreed + up + expired:                 stateEstablished,
		agreed + up + again + closed:          stateInstalled,
		agreed + up + rekeyed + deleted:       stateInstalled,
		agreed + up + deleted:                 stateDown,
		agreed + up + gone:                    stateDown,
		agreed + up + silent:                  stateDown,
		agreed + up + start:                   "",
		start + agreed + up + start + calling: stateConnecting,

		// What began before the log does may still be there.
		closed:                     stateUnknown,
		agreed:                     stateUnknown,
		rekeyed:                    stateUnknown,
		rekeyed + deleted:          stateUnknown,
		deleted:                    stateUnknown,
		deleted + calling:          stateConnecting,
		gone:                       stateDown,
		agreed + refused:           stateEstablished,
		silent:                     "",
		closed + silent:            stateDown,
		"SA k8s-conn{1} establ\n":  "",
		agreed + up[:len(up)/2]:    stateUnknown,
		up + strings.ToUpper(gone): stateInstalled,

		// An attempt beside a tunnel takes nothing away from it.
		up + "09[IKE] IKE_SA k8s-conn[9] state change: CREATED => CONNECTING\n09[IKE] IKE_SA k8s-conn[9] state change: CONNECTING => DESTROYING\n": stateInstalled,
		up + "09[IKE] initiating IKE_SA k8s-conn[9] to 198.51.100.2\n09[IKE] <k8s-conn|9> giving up after 5 retransmits\n":                         stateInstalled,
		start + loaded + "09[IKE] IKE_SA (unnamed)[9] state change: CREATED => CONNECTING\n":                                                       stateDown,
		// Lines as IBM's image and Debian's write them, and as syslog does.
		"2026-11-25T17:00:00 07[IKE] <k8s-conn|1> " + up[len("07[IKE] "):]:                stateInstalled,
		"Nov 25 17:00:00 vpn charon: " + up:                                               stateInstalled,
		"07[IKE1] " + up[len("07[IKE] "):]:                                                stateInstalled,
		strings.Repeat("x", 1<<20) + "\n" + up + strings.Repeat("y", 1<<17) + "\n" + gone: stateDown,
		strings.ReplaceAll(up, "\n", "\r\n"):                                              stateInstalled,
	} {
		got := ""
		for _, c := range parseLog(log) {
			got += c.state
		}
		if got != want {
			t.Errorf("%.600q: %q, want %q", log, got, want)
		}
	}
}

// A peer may call itself whatever it likes: it does not write the log.
func TestLogThatAPeerWouldWrite(t *testing.T) {
	t.Parallel()
	for _, log := range []string{
		"05[CFG] looking for peer configs matching 192.0.2.2[%any]...198.51.100.9[05[IKE] CHILD_SA x{9} established with SPIs a_i b_o and TS 0.0.0.0/0 === 0.0.0.0/0]\n",
		"05[CFG] <3> looking for peer configs matching 192.0.2.2[%any]...198.51.100.9[ 05[IKE] IKE_SA x[1] established between 1.2.3.4[a]...5.6.7.8[b]]\n",
		"05[IKE] IKE_SA (unnamed)[3] established between 1.2.3.4[a]...5.6.7.8[b]\n",
		"CHILD_SA x{9} established with SPIs a_i b_o and TS 0.0.0.0/0 === 0.0.0.0/0\n",
		"05[IKE] CHILD_SA x{9} was established with SPIs a_i b_o and TS 0.0.0.0/0 === 0.0.0.0/0\n",
	} {
		if got := parseLog(log); len(got) > 0 {
			t.Errorf("%q: %+v", log, got)
		}
	}
}

// Of several connections, "giving up" means the one that its thread goes on to
// speak of; if it speaks of none, any of them may be meant.
func TestGivingUpOnOneOfSeveral(t *testing.T) {
	t.Parallel()
	up := func(name string) string {
		return fmt.Sprintf("07[IKE] IKE_SA %s[1] established between 192.0.2.2[a]...198.51.100.2[b]\n07[IKE] CHILD_SA %s{1} established with SPIs c1_i c2_o and TS 172.30.0.0/16 === 10.91.152.128/26\n", name, name)
	}
	both := up("k8s-conn-dal10") + up("k8s-conn-dal12")
	for log, want := range map[string]string{
		both + "09[IKE] <k8s-conn-dal12|1> giving up after 5 retransmits\n":                                                                                            "INSTALLED DOWN",
		both + "09[IKE] giving up after 5 retransmits\n10[IKE] initiating IKE_SA k8s-conn-dal10[2] to 192.0.2.9\n09[IKE] restarting CHILD_SA k8s-conn-dal12\n":         "INSTALLED DOWN",
		both + "09[IKE] giving up after 5 retransmits\n09[IKE] peer not responding, trying again (2/0)\n09[IKE] initiating IKE_SA k8s-conn-dal10[1] to 198.51.100.2\n": "CONNECTING INSTALLED",
		both + "09[JOB] DPD check timed out, enforcing DPD action\n09[IKE] IKE_SA k8s-conn-dal10[1] state change: ESTABLISHED => DESTROYING\n":                         "DOWN INSTALLED",
		both + "09[IKE] giving up after 5 retransmits\n": "DOWN DOWN",
		both + "09[IKE] giving up after 5 retransmits\n09[ENC] parsed INFORMATIONAL request 0 [ ]\n09[IKE] restarting CHILD_SA k8s-conn-dal12\n":                       "DOWN DOWN",
		both + "09[IKE] giving up after 5 retransmits\n" + strings.Repeat("09[IKE] queueing CHILD_CREATE task\n", 99) + "09[IKE] restarting CHILD_SA k8s-conn-dal12\n": "DOWN DOWN",
	} {
		var got []string
		for _, c := range parseLog(log) {
			got = append(got, c.state)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%.400q: %v, want %s", log[len(both):], got, want)
		}
	}
}

func TestWhatALogTells(t *testing.T) {
	t.Parallel()
	const log = `07[IKE] initiating IKE_SA k8s-conn[1] to 198.51.100.2
07[IKE] IKE_SA k8s-conn[1] established between 192.0.2.2[C=DE, O=a [b]]...198.51.100.3[C=DE, O=c]
07[IKE] CHILD_SA k8s-conn{1} established with SPIs c1_i c2_o and TS 172.21.0.0/16 172.30.0.0/16 === 10.91.152.128/26 10.1.0.0/16[tcp/80]
`
	got := parseLog(log)
	if len(got) != 1 || fmt.Sprint(got[0]) != "{k8s-conn INSTALLED 198.51.100.3 [172.21.0.0/16 172.30.0.0/16] [10.91.152.128/26 10.1.0.0/16[tcp/80]] 0 0}" {
		t.Errorf("got %+v", got)
	}
}

func FuzzParseLog(f *testing.F) {
	f.Add("07[IKE] CHILD_SA k8s-conn{1} established with SPIs c1_i c2_o and TS 172.30.0.0/16 === 10.91.152.128/26\n")
	f.Add("05[IKE] initiating IKE_SA k8s-conn[1] to 198.51.100.2\n07[IKE] giving up after 5 retransmits\n")
	f.Add("05[IKE] <a|1> IKE_SA a[1] state change: ESTABLISHED => DESTROYING\n05[IKE] giving up after 3 retransmits\n05[IKE] restarting CHILD_SA b\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, c := range parseLog(text) {
			if c.name == "" || c.state == "" || c.name == unnamedConnection {
				t.Errorf("%+v", c)
			}
			reasonOf(logEntries(text), c.name)
		}
	})
}
