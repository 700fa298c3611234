# The AWS provider, told where its two services are. Keys and region come from the environment.
variable "endpoint" {
  type    = string
  default = "http://127.0.0.1:8390"
}

provider "aws" {
  endpoints {
    ssm = var.endpoint
    sts = var.endpoint
  }
}

resource "aws_ssm_document" "restart" {
  name            = "restart-web"
  document_type   = "Command"
  document_format = "YAML"
  content         = <<-END
    schemaVersion: "2.2"
    mainSteps:
      - action: aws:runShellScript
        name: restart
        inputs:
          runCommand: [systemctl restart web]
  END
}

resource "aws_ssm_association" "nightly" {
  name                        = aws_ssm_document.restart.name
  association_name            = "nightly-restart"
  schedule_expression         = "cron(0 2 * * ? *)"
  apply_only_at_cron_interval = true
  max_concurrency             = "10%"
  max_errors                  = "1"

  targets {
    key    = "tag:role"
    values = ["web"]
  }
}

resource "aws_ssm_activation" "web" {
  name               = "web"
  iam_role           = "service-role/web"
  registration_limit = 10
  tags               = { role = "web" }
}

output "association" {
  value = aws_ssm_association.nightly.association_id
}
