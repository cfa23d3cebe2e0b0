output "name" {
  description = "What clients in the consuming cluster say."
  value       = iks_remote_service.api.dns_name
}

output "leads_to" {
  description = "Where that leads."
  value       = coalesce(iks_private_service.api.ip, iks_private_service.api.hostname)
}
