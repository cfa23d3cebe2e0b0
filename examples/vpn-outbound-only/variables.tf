variable "region" {
  description = "IBM Cloud region of the cluster."
  type        = string
  default     = "us-south"
}

variable "cluster" {
  description = "Name or ID of a classic cluster."
  type        = string
}

variable "strongswan_image" {
  description = "Image with strongSwan, built with the provider's Dockerfile (internal/pattern/strongswan/image) and pushed to a registry that the cluster pulls from; best with its digest."
  type        = string
}

variable "office_gateway" {
  description = "Public IPv4 address or host name of the office's VPN gateway."
  type        = string
}

variable "office_subnets" {
  description = "IPv4 networks of the office that the cluster may reach."
  type        = set(string)
}

variable "preshared_key" {
  description = "Pre-shared key of the tunnel, 32 random characters that the office's gateway has as well. Terraform keeps it nowhere."
  type        = string
  ephemeral   = true
}
