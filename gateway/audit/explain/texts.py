"""What `sluice audit explain` says, in English, Spanish and Portuguese.

A phrase is named by what it is about. The kinds of entries, statuses of consent and levels of identity have one each, under
their names in the log; what has none is shown by its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from consent.core.languages import LANGUAGES

WORDS: Final[Mapping[str, tuple[str, str, str]]] = {
    # the entry itself
    "entry": ("entry {index} of {size}", "entrada {index} de {size}", "entrada {index} de {size}"),
    "time": (
        "written at {time}, by the gateway's clock",
        "escrita a las {time}, según el reloj de la pasarela",
        "escrita às {time}, pelo relógio do gateway",
    ),
    "policy_in_force": ("policies in force: {sha256}", "políticas en vigor: {sha256}", "políticas em vigor: {sha256}"),
    "no_policy": ("no policies in force yet", "todavía sin políticas en vigor", "ainda sem políticas em vigor"),
    "consent_head": (
        "latest change of a consent: entry {index}",
        "último cambio de un consentimiento: entrada {index}",
        "última alteração de um consentimento: entrada {index}",
    ),
    "no_consent": (
        "no consent has been recorded yet",
        "todavía no consta ningún consentimiento",
        "ainda não consta nenhum consentimento",
    ),
    # kinds
    "genesis": ("The log begins here.", "Aquí empieza el registro.", "O registo começa aqui."),
    "policy": (
        "New policies came into force: from here on they decide what may leave.",
        "Entraron en vigor políticas nuevas: desde aquí deciden qué puede salir.",
        "Entraram em vigor novas políticas: a partir daqui decidem o que pode sair.",
    ),
    "consent": (
        "A citizen's consent was recorded: a yes, a no, a pause or an end. Whose it is does not stand in the log.",
        "Se registró el consentimiento de una persona: un sí, un no, una pausa o un final. De quién es no consta en el registro.",
        "Ficou registado o consentimento de uma pessoa: um sim, um não, uma pausa ou um fim. De quem é não consta no registo.",
    ),
    "withdrawal": (
        "A citizen withdrew a consent. Nothing formed after this entry holds anything that rested on it.",
        "Una persona retiró un consentimiento. Nada de lo formado tras esta entrada contiene algo que se basara en él.",
        "Uma pessoa retirou um consentimento. Nada do que foi formado depois desta entrada contém algo que nele se baseasse.",
    ),
    "erasure": (
        "All that was kept about one subject was erased, its secret included. Parts of openings deleted: {parts}.",
        "Se borró todo lo que se guardaba de un sujeto, incluido su secreto. Partes de aperturas borradas: {parts}.",
        "Foi apagado tudo o que se guardava de um titular, incluindo o seu segredo. Partes de aberturas apagadas: {parts}.",
    ),
    "release": (
        (
            "A bundle of data was released to a recipient. The log holds the hash of its bytes, and labels by which only those"
            " who are in it can find it."
        ),
        (
            "Se entregó un lote de datos a un destinatario. El registro guarda el hash de sus bytes y etiquetas con las que solo"
            " quienes están en él pueden encontrarlo."
        ),
        (
            "Foi entregue um lote de dados a um destinatário. O registo guarda o hash dos seus bytes e etiquetas com as quais só"
            " quem nele está o pode encontrar."
        ),
    ),
    "void": (
        "A release was taken back before its first byte was sent.",
        "Se anuló una entrega antes de enviar su primer byte.",
        "Uma entrega foi anulada antes de ser enviado o seu primeiro byte.",
    ),
    "account": (
        "The books at this moment: how many readings came, how many were withheld and why, how many were released.",
        "Las cuentas en este momento: cuántas lecturas llegaron, cuántas se retuvieron y por qué, cuántas se entregaron.",
        "As contas neste momento: quantas leituras chegaram, quantas foram retidas e porquê, quantas foram entregues.",
    ),
    "key": (
        "It changed who speaks for a subject: somebody joined it, or left it and its key for labels was replaced.",
        "Cambió quién habla por un sujeto: alguien se incorporó, o se fue y se sustituyó su clave de etiquetas.",
        "Mudou quem fala por um titular: alguém entrou, ou saiu e a sua chave de etiquetas foi substituída.",
    ),
    "gap": (
        "Something happened before this entry that the gateway cannot know, such as a return from a backup.",
        "Antes de esta entrada pasó algo que la pasarela no puede saber, como una vuelta desde una copia de seguridad.",
        "Antes desta entrada aconteceu algo que o gateway não pode saber, como um regresso a partir de uma cópia de segurança.",
    ),
    "reidentification": (
        "It was found out, by the agreed procedure, who stands behind a pseudonym.",
        "Se averiguó, por el procedimiento acordado, quién está detrás de un seudónimo.",
        "Apurou-se, pelo procedimento acordado, quem está por trás de um pseudónimo.",
    ),
    "bundle_sha256": ("hash of the bundle: {sha256}", "hash del lote: {sha256}", "hash do lote: {sha256}"),
    "labels_root": ("root over its labels: {sha256}", "raíz de sus etiquetas: {sha256}", "raiz das suas etiquetas: {sha256}"),
    "subject_sha256": (
        "hash of the subject's id: {sha256}",
        "hash del identificador del sujeto: {sha256}",
        "hash do identificador do titular: {sha256}",
    ),
    # the opening
    "no_opening": (
        "its content: not at hand; it lies in an opening, for accredited auditors, as long as that is kept",
        "su contenido: no disponible; está en una apertura, para auditores acreditados, mientras se conserve",
        "o seu conteúdo: não disponível; está numa abertura, para auditores acreditados, enquanto for conservada",
    ),
    "opening": ("its content, by the opening:", "su contenido, según la apertura:", "o seu conteúdo, segundo a abertura:"),
    "erased": (
        "erased parts: {n}; only their hashes are left",
        "partes borradas: {n}; solo quedan sus hashes",
        "partes apagadas: {n}; só restam os seus hashes",
    ),
    "nothing_more": ("nothing beyond the entry itself", "nada más que la propia entrada", "nada além da própria entrada"),
    "origin": ("name of the log: {origin}", "nombre del registro: {origin}", "nome do registo: {origin}"),
    "simulated_clock": (
        "its times are those of a simulated clock",
        "sus horas son las de un reloj simulado",
        "as suas horas são as de um relógio simulado",
    ),
    "real_clock": (
        "its times are those of a real clock",
        "sus horas son las de un reloj real",
        "as suas horas são as de um relógio real",
    ),
    "subject": ("subject {id}", "sujeto {id}", "titular {id}"),
    "resident": ("said by resident {id}", "dicho por la persona residente {id}", "dito pela pessoa residente {id}"),
    "scope_flow": ("about the flow {scope}", "sobre el flujo {scope}", "sobre o fluxo {scope}"),
    "scope_purpose": (
        "about every flow of the purpose {scope}",
        "sobre todos los flujos de la finalidad {scope}",
        "sobre todos os fluxos da finalidade {scope}",
    ),
    "status": ("status: {status}", "estado: {status}", "estado: {status}"),
    "Requested": ("asked for, no answer yet", "solicitado, aún sin respuesta", "pedido, ainda sem resposta"),
    "Refused": ("refused", "rechazado", "recusado"),
    "Given": ("given", "dado", "dado"),
    "Withdrawn": ("withdrawn", "retirado", "retirado"),
    "Expired": ("expired", "caducado", "caducado"),
    "Renewed": ("renewed", "renovado", "renovado"),
    "Invalidated": (
        "ended, since what it was about has changed",
        "terminado, porque cambió aquello a lo que se refería",
        "terminado, porque mudou aquilo a que se referia",
    ),
    "Paused": ("paused", "en pausa", "em pausa"),
    "Revoked": ("ended by an authority", "terminado por una autoridad", "terminado por uma autoridade"),
    "since": ("in force since {time}", "en vigor desde {time}", "em vigor desde {time}"),
    "expiry": ("until {time}", "hasta {time}", "até {time}"),
    "no_expiry": ("until withdrawn", "hasta que se retire", "até ser retirado"),
    "channel_operator": (
        "entered by the city's staff: it rests on their word",
        "introducido por el personal de la ciudad: se basa en su palabra",
        "introduzido pelo pessoal da cidade: assenta na sua palavra",
    ),
    "channel_portal": (
        "given in the portal with the resident's own key",
        "dado en el portal con la clave de la propia persona",
        "dado no portal com a chave da própria pessoa",
    ),
    "channel_gateway": ("recorded by the gateway itself", "registrado por la propia pasarela", "registado pelo próprio gateway"),
    "channel": ("channel: {channel}", "canal: {channel}", "canal: {channel}"),
    "authority": ("authority: {authority}", "autoridad: {authority}", "autoridade: {authority}"),
    "limits": ("no more than: {limits}", "no más que: {limits}", "não mais do que: {limits}"),
    "recipient": ("recipient: {recipient}", "destinatario: {recipient}", "destinatário: {recipient}"),
    "record": (
        "record {number}: flow {flow}, {cell}, {start} to {end}, readings: {n}, {identity}",
        "registro {number}: flujo {flow}, {cell}, de {start} a {end}, lecturas: {n}, {identity}",
        "registo {number}: fluxo {flow}, {cell}, de {start} a {end}, leituras: {n}, {identity}",
    ),
    "property": ("property {property}", "propiedad {property}", "propriedade {property}"),
    "statistic": (
        "property {property}, statistic {statistic}",
        "propiedad {property}, estadística {statistic}",
        "propriedade {property}, estatística {statistic}",
    ),
    "residents": ("who speaks for it: {ids}", "quién habla por él: {ids}", "quem fala por ele: {ids}"),
    "nobody": ("nobody speaks for it any more", "ya nadie habla por él", "já ninguém fala por ele"),
    "device": (
        "its device: class {profile}, {zone}",
        "su dispositivo: clase {profile}, {zone}",
        "o seu dispositivo: classe {profile}, {zone}",
    ),
    "level": (
        "to the level of: time {time}, space {space}, precision {precision}",
        "al nivel de: tiempo {time}, espacio {space}, precisión {precision}",
        "ao nível de: tempo {time}, espaço {space}, precisão {precision}",
    ),
    "aggregate": ("one figure over several", "una cifra de varios", "um valor de vários"),
    "per-record": (
        "single readings, not linked to one another",
        "lecturas sueltas, sin enlace entre sí",
        "leituras avulsas, sem ligação entre si",
    ),
    "per-epoch": (
        "under a pseudonym for a day",
        "con un seudónimo para un día",
        "sob um pseudónimo para um dia",
    ),
    "stable": ("under a lasting pseudonym", "con un seudónimo duradero", "sob um pseudónimo duradouro"),
    "contribution": (
        "record {record}: readings of subject {subject}: {n}, permitted by policy entry {policy} and consent entries {consents}",
        (
            "registro {record}: lecturas del sujeto {subject}: {n}, permitidas por la entrada de política {policy} y las de"
            " consentimiento {consents}"
        ),
        (
            "registo {record}: leituras do titular {subject}: {n}, permitidas pela entrada de política {policy} e pelas de"
            " consentimento {consents}"
        ),
    ),
    "voided": ("it is release {release}", "es la entrega {release}", "é a entrega {release}"),
}


def say(language: str, phrase: str, **values: object) -> str:
    """Return a phrase in a language, its blanks filled in; a name without a phrase stands for itself."""
    words = WORDS.get(phrase)
    return phrase if words is None else words[LANGUAGES.index(language)].format(**values)
