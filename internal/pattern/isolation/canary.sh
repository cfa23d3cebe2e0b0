# Looks up a name and connects to the API server, each time anew, for
# CANARY_SECONDS and until it works. What fails three times in a row counts: a
# single packet may be lost.
name=kubernetes.default.svc.cluster.local
end=$(($(date +%s) + CANARY_SECONDS))
failed=0
while :; do
  why=
  nslookup "$name" >/dev/null 2>&1 || why="DNS does not answer for $name. "
  nc -w 5 "$KUBERNETES_SERVICE_HOST" "$KUBERNETES_SERVICE_PORT" </dev/null >/dev/null 2>&1 ||
    why="${why}The API server does not answer at $KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT."
  if [ -z "$why" ]; then
    [ "$(date +%s)" -lt "$end" ] || exit 0
    failed=0
  else
    failed=$((failed + 1))
    [ "$failed" -lt 3 ] || { echo "$why"; exit 1; }
  fi
  sleep 1
done
